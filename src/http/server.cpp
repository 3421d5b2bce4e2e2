#include "http/server.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "node/sigpipe.hpp"

namespace starling::http {
namespace {

constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;
/// Connections of each kind that are looked at to find one to close, so that a flood of newcomers costs
/// little.
constexpr std::size_t eviction_looks_max = 16;

template <class H>
Server* server_of(const H* handle) {
  return static_cast<Server*>(handle->data);
}

}  // namespace

Server::Server(Loop& loop, Handler& handler, const ServerOptions& options)
    : loop_(loop),
      context_{.handler = handler,
               .options = options,
               .counters = {},
               .read_buffer = std::vector<char>(read_bytes_max),
               .headers = std::vector<Header>(options.headers_count_max),
               .response = {}} {
  context_.options.requests_per_turn_max = std::max<std::size_t>(options.requests_per_turn_max, 1);
  ignore_sigpipe();
  auto timer = std::make_unique<uv_timer_t>();
  uv_timer_init(loop_.get(), timer.get());
  timer_ = adopt(std::move(timer), this);
  auto turns = std::make_unique<uv_idle_t>();
  uv_idle_init(loop_.get(), turns.get());
  turns_ = adopt(std::move(turns), this);
}

Server::~Server() = default;

tl::expected<Endpoint, int> Server::listen(const Endpoint& endpoint) {
  StreamListener& listener = listeners_.emplace_back(loop_, static_cast<StreamListener::Acceptor&>(*this));
  auto listening = listener.listen(endpoint, context_.options.accept_queue_max);
  if (!listening) {
    listeners_.pop_back();
    return listening;
  }
  local_ = *listening;
  listening_.push_back(local_.to_string());
  return listening;
}

tl::expected<void, std::string> Server::listen_unix(const UnixAddress& address) {
  StreamListener& listener = listeners_.emplace_back(loop_, static_cast<StreamListener::Acceptor&>(*this));
  auto listening = listener.listen_unix(address, context_.options.accept_queue_max);
  if (!listening)
    listeners_.pop_back();
  else
    listening_.push_back(address.to_string());
  return listening;
}

void Server::drain(std::chrono::milliseconds idle_max) {
  if (std::exchange(context_.draining, true)) return;
  std::chrono::milliseconds& idle = context_.options.drain_idle_timeout;
  idle = std::min({idle, idle_max, context_.options.idle_timeout});
  for (StreamListener& listener : listeners_) listener.accept_queued();
  listen_until_ms_ = uv_now(loop_.get()) + timeout_ms(Wait::request);
  // The lists stay in the order of their deadlines: those that become idle later have later ones.
  for (const Wait wait : {Wait::first, Wait::request})
    for (Connection& connection : waiting(wait))
      connection.place.deadline_ms = std::min(connection.place.deadline_ms, listen_until_ms_);
  if (context_.counters.connections_open == 0) return stop_listening();
  arm(listen_until_ms_);
}

void Server::stop_listening() {
  for (StreamListener& listener : listeners_) listener.accept_and_close();
  listeners_.clear();
  listening_.clear();
}

FrontEndStatus Server::status() const {
  const Counters& counters = context_.counters;
  FrontEndStatus status{.name = context_.options.name,
                        .listeners = listening_,
                        .requests = counters.requests,
                        .connections_accepted = counters.connections_accepted,
                        .connections_open = counters.connections_open,
                        .connections_refused = counters.connections_refused,
                        .errors = {}};
  for (std::size_t reason = 0; reason < error_reasons_count; ++reason)
    status.errors.emplace_back(name(static_cast<ErrorReason>(reason)), counters.errors[reason]);
  return status;
}

void Server::on_accept_failed(int) {
  ++context_.counters[ErrorReason::accept_failed];
}

void Server::on_connection(Handle<ClientStream> stream) {
  Counters& counters = context_.counters;
  // Only a connection that was accepted can be closed, so the bound is looked at last.
  if (counters.connections_open >= context_.options.connections_max) {
    ++counters.connections_refused;
    // A drain accepts from within a connection's own turn, and waits for the silent ones anyway.
    if (context_.draining || !make_room()) return;
  }
  auto& fresh = waiting(Wait::first);
  Connection& connection = fresh.emplace_back(context_, static_cast<ConnectionOwner&>(*this));
  connection.place.self = std::prev(fresh.end());
  ++counters.connections_open;
  if (!connection.start(std::move(stream))) {
    on_accept_failed(0);
    return on_closed(connection);
  }
  ++counters.connections_accepted;
  on_wait(connection, Wait::first, true);
}

bool Server::make_room() {
  const std::uint64_t now_ms = uv_now(loop_.get());
  const auto slow_ms = static_cast<std::uint64_t>(context_.options.slow_evictable_after.count());
  const std::uint64_t slow_since_ms = now_ms - std::min(now_ms, slow_ms);
  if (close_one(Wait::first, now_ms) || close_one(Wait::head, slow_since_ms) ||
      close_one(Wait::body, slow_since_ms) || close_one(Wait::head, now_ms, Among::strangers) ||
      close_one(Wait::body, now_ms, Among::strangers))
    return true;
  // So many newcomers in one turn of the loop that they are not even read.
  if (waiting(Wait::first).size() > context_.options.connections_max / 2) return false;
  return close_one(Wait::request, now_ms) || close_one(Wait::head, now_ms) || close_one(Wait::body, now_ms) ||
         close_one(Wait::close, now_ms) || close_one(Wait::output, now_ms);
}

bool Server::close_one(Wait wait, std::uint64_t since_ms_max, Among among) {
  // Only those are passed over that are to be read next, or are none of those that are meant.
  std::size_t looks = eviction_looks_max;
  for (Connection& each : waiting(wait)) {
    if (looks-- == 0 || each.place.since_ms > since_ms_max) return false;
    if (among == Among::strangers && each.has_asked()) continue;
    if (!each.is_evictable(uv_now(loop_.get()))) continue;
    on_closed(each);
    return true;
  }
  return false;
}

void Server::on_wait(Connection& connection, Wait wait, bool renewed) {
  Connection::Place& place = connection.place;
  if (wait == place.wait && !renewed) return;
  waiting(wait).splice(waiting(wait).end(), waiting(place.wait), place.self);
  place.wait = wait;
  if (wait == Wait::turn) {
    const auto on_idle = [](uv_idle_t* handle) {
      if (Server* self = server_of(handle)) self->on_idle();
    };
    uv_idle_start(turns_.get(), on_idle);
    return;
  }
  place.since_ms = uv_now(loop_.get());
  place.deadline_ms = place.since_ms + timeout_ms(wait);
  arm(place.deadline_ms);
}

void Server::on_closed(Connection& connection) {
  waiting(connection.place.wait).erase(connection.place.self);
  if (--context_.counters.connections_open > 0 || (context_.draining && !listeners_.empty())) return;
  uv_timer_stop(timer_.get());
  timer_due_ms_ = 0;
}

void Server::on_idle() {
  auto& turns = waiting(Wait::turn);
  // One turn each: those that still have more go to the end of the list and wait for the next round.
  for (std::size_t left = turns.size(); left > 0 && !turns.empty() && !context_.turn_over(loop_.get());
       --left)
    turns.front().on_turn();
  if (turns.empty()) uv_idle_stop(turns_.get());
}

void Server::on_timer() {
  timer_due_ms_ = 0;
  const std::uint64_t now_ms = uv_now(loop_.get());
  if (context_.draining && !listeners_.empty()) {
    if (listen_until_ms_ <= now_ms)
      stop_listening();
    else
      arm(listen_until_ms_);
  }
  for (const Wait wait : {Wait::first, Wait::request, Wait::head, Wait::body, Wait::output, Wait::close}) {
    auto& connections = waiting(wait);
    while (!connections.empty() && connections.front().place.deadline_ms <= now_ms)
      connections.front().on_deadline();
    if (!connections.empty()) arm(connections.front().place.deadline_ms);
  }
}

void Server::arm(std::uint64_t deadline_ms) {
  // A timer that fires too early finds nothing due and is armed again; so a later deadline changes nothing.
  if (timer_due_ms_ != 0 && timer_due_ms_ <= deadline_ms) return;
  timer_due_ms_ = deadline_ms;
  const std::uint64_t now_ms = uv_now(loop_.get());
  const auto on_timer = [](uv_timer_t* handle) {
    if (Server* self = server_of(handle)) self->on_timer();
  };
  uv_timer_start(timer_.get(), on_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

std::uint64_t Server::timeout_ms(Wait wait) const {
  std::chrono::milliseconds timeout = context_.options.idle_timeout;
  if ((wait == Wait::first || wait == Wait::request) && context_.draining)
    timeout = context_.options.drain_idle_timeout;
  if (wait == Wait::head || wait == Wait::body) timeout = context_.options.header_timeout;
  if (wait == Wait::close) timeout = context_.options.linger_timeout;
  // At least 1 ms, so that a deadline just set is never due in the same sweep.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(timeout.count(), 1));
}

}  // namespace starling::http
