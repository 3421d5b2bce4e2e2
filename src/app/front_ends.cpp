#include "app/front_ends.hpp"

#include <fmt/format.h>
#include <uv.h>

#include <chrono>
#include <memory>
#include <utility>

namespace starling {
namespace {

/// People and their tools, however many, delay gateways by no more than this and one request.
constexpr std::chrono::microseconds admin_turn_time_max{2'000};

}  // namespace

FrontEnds::FrontEnds(Loop& loop, const LoopMeter& loop_meter, Node& node, const Settings& settings, Log log,
                     http::WriteAccess access, const ConnectionBounds& bounds)
    : settings_(settings),
      log_(log),
      node_(node),
      service_(node, loop_meter, std::move(log),
               {.front_ends = [this] { return status(); }, .requests = [this] { return requests(); }}),
      check_(service_, settings.headers, {settings.attributes, settings.trusted_hops}),
      rls_(service_, settings.headers),
      gateway_(service_, check_, rls_),
      admin_(service_, check_, std::move(access)),
      http_server_(loop, gateway_, {.connections_max = bounds.gateways}),
      admin_server_(loop, admin_,
                    {.name = "admin", .connections_max = bounds.admin, .turn_time_max = admin_turn_time_max}),
      grpc_health_(loop, service_),
      grpc_rate_limit_(service_, settings.headers),
      grpc_server_(loop, {.connections_max = bounds.gateways,
                          .connection_age_max = settings.grpc_max_connection_age}) {
  grpc_server_.add(grpc_rate_limit_);
  grpc_server_.add(grpc_health_.check());
  grpc_server_.add(grpc_health_.watch());
  http_server_.hand_http2_to(*this);
}

template <class Server>
tl::expected<void, std::string> FrontEnds::listen(Server& server, std::uint16_t port,
                                                  std::string_view setting) {
  Endpoint endpoint{.address = settings_.bind.value_or(Address{}), .port = port};
  auto listening = server.listen(endpoint);
  if (!listening && !settings_.bind && listening.error() != UV_EADDRINUSE) {
    endpoint.address = Address::v4(0, 0, 0, 0);  // a machine without IPv6
    listening = server.listen(endpoint);
  }
  if (!listening)
    return tl::unexpected(
        fmt::format("--{}: cannot listen on TCP {}: {}; is another node running there? choose another "
                    "--{} or --bind",
                    setting, endpoint.to_string(), uv_strerror(listening.error()), setting));
  log_->info({{"tcp", listening->to_string()}}, "listening {}", setting);
  return {};
}

ConfigWatcher::Prepare FrontEnds::prepare_rules() {
  return [this](const ConfigFile& config) -> ConfigWatcher::Sequel {
    auto rules = std::make_shared<http::ShortRules>(config.rules);
    return [this, rules] { admin_.keep(std::move(*rules)); };
  };
}

tl::expected<void, std::string> FrontEnds::start() {
  admin_.keep(http::ShortRules(*node_.status().rules));  // while nobody waits yet
  if (auto listening = listen(http_server_, settings_.http_port, "http-port"); !listening) return listening;
  for (const UnixAddress& address : settings_.http_listen) {
    if (auto listening = http_server_.listen_unix(address); !listening)
      return tl::unexpected(fmt::format("--http-listen: {}", listening.error()));
    log_->info({{"unix", address.to_string()}, {"mode", fmt::format("{:04o}", address.mode)}},
               "listening http-listen");
  }
  if (auto listening = listen(grpc_server_, settings_.grpc_port, "grpc-port"); !listening) return listening;
  if (auto listening = listen(admin_server_, settings_.admin_port, "admin-port"); !listening)
    return listening;
  node_.set_listeners(http_server_.local_endpoint(), grpc_server_.local_endpoint(),
                      admin_server_.local_endpoint());
  return {};
}

void FrontEnds::on_http2(Handle<ClientStream> stream, std::string_view received) {
  grpc_server_.adopt(std::move(stream), received);
}

void FrontEnds::drain(std::chrono::milliseconds silence_max) {
  http_server_.drain(silence_max);
  grpc_health_.leave();
  grpc_server_.drain(silence_max);
}

std::vector<RequestCount> FrontEnds::requests() const {
  std::vector<RequestCount> counts;
  check_.answers().append_to(counts, "http");
  rls_.answers().append_to(counts, "json");
  grpc_rate_limit_.answers().append_to(counts);
  return counts;
}

std::vector<FrontEndStatus> FrontEnds::status() const {
  return {http_server_.status(), grpc_server_.status(), admin_server_.status()};
}

bool FrontEnds::drained() const {
  return http_server_.drained() && grpc_server_.drained();
}

}  // namespace starling
