#include "grpc/health.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "base/shown_text.hpp"

namespace starling::grpc {
namespace {

constexpr std::array<std::string_view, 3> services{"", "ratelimit",
                                                   "envoy.service.ratelimit.v3.RateLimitService"};

bool is_known(std::string_view service) {
  return std::find(services.begin(), services.end(), service) != services.end();
}

/// The `service` of a HealthCheckRequest; nothing if `request` is none.
std::optional<std::string_view> service_of(std::string_view request) {
  std::string_view service;
  try {
    protozero::pbf_reader reader(request.data(), request.size());
    while (reader.next()) {
      if (reader.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
        const protozero::data_view found = reader.get_view();
        service = {found.data(), found.size()};
      } else {
        reader.skip();
      }
    }
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
  return service;
}

void append_response(std::string& out, ServingStatus status) {
  protozero::pbf_writer(out).add_enum(1, static_cast<std::int32_t>(status));
}

constexpr CallStatus unreadable{Code::internal, "expected a grpc.health.v1.HealthCheckRequest"};

}  // namespace

Health::Health(Loop& loop, const CheckService& node, const HealthOptions& options)
    : node_(node), options_(options) {
  auto timer = std::make_unique<uv_timer_t>();
  uv_timer_init(loop.get(), timer.get());
  timer_ = adopt(std::move(timer), this);
}

ServingStatus Health::status() const {
  return !leaving_ && node_.ready() ? ServingStatus::serving : ServingStatus::not_serving;
}

void Health::leave() {
  leaving_ = true;
  refresh();
}

void Health::refresh() {
  const ServingStatus now = status();
  message_.clear();
  append_response(message_, now);
  for (auto& [sink, watcher] : watchers_) {
    if (!watcher.is_known || watcher.told == now) continue;
    try {
      sink->send(message_);
      watcher.told = now;
    } catch (...) {  // out of memory: it would cross libuv's C code; the next look tries again
    }
  }
}

CallStatus Health::Check::call(std::string_view request, std::string& reply) {
  const auto service = service_of(request);
  if (!service) return unreadable;
  if (!is_known(*service)) {
    health.message_ = "there is no service " + quoted(*service) + " here; expected none or ratelimit";
    return {Code::not_found, health.message_};
  }
  append_response(reply, health.status());
  return {};
}

CallStatus Health::Watch::open(std::string_view request, MessageSink& sink) {
  const auto service = service_of(request);
  if (!service) return unreadable;
  if (!health.has_place(sink)) return {Code::resource_exhausted, "too many watch this server's health"};
  const bool known = is_known(*service);
  const Watcher watcher{sink.connection(), known, known ? health.status() : ServingStatus::service_unknown};
  health.message_.clear();
  append_response(health.message_, watcher.told);
  health.watchers_.emplace(&sink, watcher);
  if (health.watchers_.size() == 1) {
    const auto interval_ms = static_cast<std::uint64_t>(health.options_.poll_interval.count());
    const auto on_timer = [](uv_timer_t* timer) {
      if (auto* self = static_cast<Health*>(timer->data)) self->refresh();
    };
    uv_timer_start(health.timer_.get(), on_timer, interval_ms, interval_ms);
  }
  try {
    sink.send(health.message_);
  } catch (...) {  // the call ends with an error, and nobody will tell that it is over
    health.remove(sink);
    throw;
  }
  return {};
}

void Health::Watch::on_closed(MessageSink& sink) {
  health.remove(sink);
}

bool Health::has_place(const MessageSink& sink) const {
  if (watchers_.size() >= options_.watchers_max) return false;
  const auto of_connection = std::count_if(watchers_.begin(), watchers_.end(), [&](const auto& each) {
    return each.second.connection == sink.connection();
  });
  return static_cast<std::size_t>(of_connection) < options_.watchers_per_connection_max;
}

void Health::remove(MessageSink& sink) {
  watchers_.erase(&sink);
  if (watchers_.empty()) uv_timer_stop(timer_.get());
}

}  // namespace starling::grpc
