#include "grpc/server.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "node/sigpipe.hpp"

namespace starling::grpc {
namespace {

constexpr std::uint64_t sweep_interval_max_ms = 1'000;
constexpr std::uint64_t sweep_interval_min_ms = 5;
constexpr double age_jitter = 0.1;
/// Connections that are looked at to find one to close, so that a flood of newcomers costs little.
constexpr std::size_t eviction_looks_max = 64;

template <class H>
Server* server_of(const H* handle) {
  return static_cast<Server*>(handle->data);
}

/// A quarter of the shortest limit, within bounds.
std::uint64_t sweep_interval_of(const ServerOptions& options) {
  std::chrono::milliseconds shortest =
      std::min({options.preface_timeout, options.call_timeout, options.output_timeout,
                options.keepalive_interval, options.keepalive_timeout, options.goaway_notice_timeout,
                options.goaway_timeout, options.linger_timeout, options.drain_accept_timeout});
  if (options.connection_age_max.count() > 0) shortest = std::min(shortest, options.connection_age_max);
  return std::clamp(static_cast<std::uint64_t>(std::max<std::int64_t>(shortest.count() / 4, 0)),
                    sweep_interval_min_ms, sweep_interval_max_ms);
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  STARLING_CHECK(uv_random(nullptr, nullptr, &seed, sizeof seed, 0, nullptr) == 0);
  return seed;
}

}  // namespace

Server::Server(Loop& loop, const ServerOptions& options)
    : loop_(loop),
      context_{.session = {.options = options}, .read_buffer = {}},
      random_(random_seed()),
      listener_(loop, *this),
      sweep_interval_ms_(sweep_interval_of(options)) {
  context_.read_buffer.resize(std::max<std::size_t>(options.read_bytes_per_turn_max, 1));
  ignore_sigpipe();
  auto sweep = std::make_unique<uv_timer_t>();
  uv_timer_init(loop_.get(), sweep.get());
  sweep_ = starling::adopt(std::move(sweep), this);
  auto turns = std::make_unique<uv_idle_t>();
  uv_idle_init(loop_.get(), turns.get());
  turns_ = starling::adopt(std::move(turns), this);
}

Server::~Server() = default;

void Server::add(UnaryMethod& method) {
  context_.session.unary_methods.push_back(&method);
}

void Server::add(StreamMethod& method) {
  context_.session.stream_methods.push_back(&method);
}

tl::expected<Endpoint, int> Server::listen(const Endpoint& endpoint) {
  auto listening = listener_.listen(endpoint, context_.session.options.accept_queue_max);
  if (listening) local_ = *listening;
  if (listening) listening_ = true;
  return listening;
}

void Server::drain(std::chrono::milliseconds accept_max) {
  if (std::exchange(draining_, true)) return;
  const auto accept_timeout = std::min(context_.session.options.drain_accept_timeout, accept_max);
  listen_until_ms_ =
      uv_now(loop_.get()) + static_cast<std::uint64_t>(std::max<std::int64_t>(accept_timeout.count(), 0));
  listener_.accept_queued();
  send_away();
  if (counters().connections_open == 0) stop_listening();
}

void Server::stop_listening() {
  listener_.accept_and_close();
  listening_ = false;
  send_away();
  if (counters().connections_open == 0) uv_timer_stop(sweep_.get());
}

void Server::send_away() {
  for (std::list<Connection>* list : {&connections_, &wanting_turn_})
    for (auto next = list->begin(); next != list->end();) (next++)->go_away();
}

void Server::on_accept_failed(int) {
  ++context_.session.counters[ErrorReason::accept_failed];
}

void Server::on_connection(Handle<ClientStream> stream) {
  adopt(std::move(stream), {});
}

void Server::adopt(Handle<ClientStream> stream, std::string_view received) {
  Counters& counters = context_.session.counters;
  // Only a connection that was accepted can be closed, so the bound is looked at last.
  if (counters.connections_open >= context_.session.options.connections_max) {
    ++counters.connections_refused;
    // A drain accepts from within a connection's own turn, and sends everybody away anyway.
    if (draining_ || !make_room()) return;
  }
  const auto on_sweep = [](uv_timer_t* handle) {
    if (Server* self = server_of(handle)) self->on_sweep();
  };
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(sweep_.get())) == 0)
    uv_timer_start(sweep_.get(), on_sweep, sweep_interval_ms_, sweep_interval_ms_);
  Connection& connection = connections_.emplace_back(context_, static_cast<ConnectionOwner&>(*this),
                                                     uv_now(loop_.get()), draw_age_ms());
  connection.place.self = std::prev(connections_.end());
  ++counters.connections_open;
  ++counters.connections_accepted;
  connection.start(std::move(stream), received);
  if (draining_ && !listening_) send_away();
}

bool Server::make_room() {
  Connection* missed_least = nullptr;
  Connection::Eviction least;
  // Those that were looked at go to the end, so that the next newcomer's look is at others.
  for (std::size_t looks = std::min(connections_.size(), eviction_looks_max); looks > 0; --looks) {
    Connection& each = connections_.front();
    connections_.splice(connections_.end(), connections_, connections_.begin());
    const Connection::Eviction eviction = each.eviction();
    if (eviction.loss == Connection::Loss::work || (missed_least != nullptr && eviction >= least)) continue;
    missed_least = &each;
    least = eviction;
  }
  if (missed_least == nullptr) return false;
  on_closed(*missed_least);
  return true;
}

void Server::on_wants_turn(Connection& connection) {
  if (std::exchange(connection.place.wants_turn, true)) return;
  wanting_turn_.splice(wanting_turn_.end(), connections_, connection.place.self);
  const auto on_idle = [](uv_idle_t* handle) {
    if (Server* self = server_of(handle)) self->on_idle();
  };
  uv_idle_start(turns_.get(), on_idle);
}

void Server::on_closed(Connection& connection) {
  (connection.place.wants_turn ? wanting_turn_ : connections_).erase(connection.place.self);
  if (--context_.session.counters.connections_open > 0 || (draining_ && listening_)) return;
  uv_timer_stop(sweep_.get());
}

void Server::on_idle() {
  // One turn each: those that still have more go to the end of the list and wait for the next round.
  for (std::size_t left = wanting_turn_.size(); left > 0 && !wanting_turn_.empty(); --left) {
    Connection& connection = wanting_turn_.front();
    connection.place.wants_turn = false;
    connections_.splice(connections_.end(), wanting_turn_, connection.place.self);
    connection.on_turn();
  }
  if (wanting_turn_.empty()) uv_idle_stop(turns_.get());
}

void Server::on_sweep() {
  for (std::list<Connection>* list : {&connections_, &wanting_turn_})
    for (auto next = list->begin(); next != list->end();) (next++)->on_sweep();
  if (draining_ && listening_ && uv_now(loop_.get()) >= listen_until_ms_) stop_listening();
}

std::uint64_t Server::draw_age_ms() {
  const Duration mean = context_.session.options.connection_age_max;
  if (mean <= Duration::zero()) return 0;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(random_.jittered(mean, age_jitter));
  return static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 1));
}

FrontEndStatus Server::status() const {
  const Counters& counted = counters();
  FrontEndStatus status;
  status.name = "grpc";
  if (listening_) status.listeners.push_back(local_.to_string());
  status.requests = counted.requests;
  status.connections_accepted = counted.connections_accepted;
  status.connections_open = counted.connections_open;
  status.connections_refused = counted.connections_refused;
  for (std::size_t i = 0; i < error_reasons_count; ++i) {
    const auto reason = static_cast<ErrorReason>(i);
    status.errors.emplace_back(name(reason), counted[reason]);
  }
  return status;
}

}  // namespace starling::grpc
