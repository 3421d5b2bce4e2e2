#include "node/resolver.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <netinet/in.h>
#include <strings.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "node/socket_address.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;

constexpr int udp_payload_bytes =
    1232;  // fits an IPv6 packet of 1280 bytes, which never fragments (DNS flag day 2020)
constexpr double jitter_share = 0.2;

/// What need not grow stays where it is. When a server says that it knows no EDNS, c-ares 1.18 shortens the
/// query in place; but after a truncated answer a TCP connection may still have to write it from where it
/// was.
void* resize(void* block, std::size_t bytes) {
  const bool fits = block != nullptr && bytes != 0 && bytes <= malloc_usable_size(block);
  return fits ? block : std::realloc(block, bytes);
}

/// c-ares wants a process-wide initialisation, once.
int library_status() {
  static const int status = ares_library_init_mem(ARES_LIB_INIT_ALL, &std::malloc, &std::free, &resize);
  return status;
}

int whole_ms(Duration duration) {
  const auto ms = std::chrono::ceil<milliseconds>(duration).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 1, 3'600'000));
}

std::string text_of(Duration duration) {
  const auto ms = std::chrono::round<milliseconds>(duration).count();
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

/// The server said that there are no such records, which is an answer.
bool is_none(int status) {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}
bool is_answer(int status) {
  return status == ARES_SUCCESS || is_none(status);
}

const char* text_of_status(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return "answered";
    case ARES_ENODATA:
      return "no addresses (NODATA)";
    case ARES_ENOTFOUND:
      return "not found (NXDOMAIN)";
    case ARES_ETIMEOUT:
      return "timed out";
    case ARES_ECONNREFUSED:
      return "no DNS server answers (unreachable, REFUSED or SERVFAIL)";
    case ARES_EBADRESP:
      return "the answer is malformed";
    default:
      return ares_strerror(status);
  }
}

/// Of a look-up that was not answered.
DnsFault fault_of(int status) {
  if (status == ARES_ETIMEOUT) return DnsFault::timed_out;
  return status == ARES_ECONNREFUSED ? DnsFault::refused : DnsFault::other;
}

/// RFC 6761 section 6.3: known without asking. c-ares 1.18 would know it too, but leaks memory (issue 439).
bool is_localhost(const std::string& name) {
  return strcasecmp(name.c_str(), "localhost") == 0 || strcasecmp(name.c_str(), "localhost.") == 0;
}

/// A datagram to it reaches one machine.
bool is_unicast(const Address& address) {
  if (address.is_unspecified()) return false;
  return address.is_v4() ? address.bytes[12] < 224 : address.bytes[0] != 0xff;
}

}  // namespace

Resolver::Resolver(Loop& loop, Options options, Listener& listener)
    : loop_(loop), options_(std::move(options)), listener_(listener), random_(options_.seed) {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop_.get(), timer.get()) == 0);
  timer_ = adopt(std::move(timer), this);
  arm(Duration::zero());
}

Resolver::~Resolver() {
  close_channel();
}

void Resolver::resolve_now() {
  if (phase_ == Phase::waiting)
    arm(Duration::zero());
  else
    again_ = true;
}

void Resolver::arm(Duration delay) {
  const auto ms = std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(delay).count());
  uv_update_time(loop_.get());  // else the delay counts from the start of the loop's iteration
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<Resolver*>(timer->data)) self->on_timer();
      },
      static_cast<std::uint64_t>(ms), 0);
}

void Resolver::on_timer() {
  switch (phase_) {
    case Phase::waiting:
      return begin_round();
    case Phase::running:
      if (Loop::now() >= round_deadline_)
        abandon_round();
      else
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      settle();
      return report_early();
    case Phase::ended:
      return report();
  }
}

// --- a round -----------------------------------------------------------------------------------

void Resolver::begin_round() {
  phase_ = Phase::running;
  again_ = false;
  round_deadline_ = Loop::now() + options_.round_timeout;
  early_at_ = Loop::now() + early_report_after;
  found_ = Resolution{.endpoints = {}, .errors = {}, .faults = {}, .complete = true};
  queries_.clear();
  for (std::size_t i = 0; i < options_.neighbors.size(); ++i) {
    const Neighbor& neighbor = options_.neighbors[i];
    if (neighbor.address) {
      found_.endpoints.push_back(Endpoint{*neighbor.address, neighbor.port});
      continue;
    }
    if (is_localhost(neighbor.name)) {
      for (const char* loopback : {"127.0.0.1", "::1"})
        found_.endpoints.push_back(Endpoint{*Address::parse(loopback), neighbor.port});
      continue;
    }
    for (const int family : {AF_INET, AF_INET6})
      queries_.push_back(Query{.resolver = this, .neighbor = i, .family = family});
  }
  repeated_ = false;
  if (!queries_.empty() && open_channel()) ask_those_with(ARES_ETIMEOUT);
  settle();
}

bool Resolver::open_channel() {
  ares_options options{};
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = udp_payload_bytes;
  options.timeout = whole_ms(options_.try_timeout);
  options.tries = std::max(1, options_.tries_count);
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
    static_cast<Resolver*>(self)->on_socket_state(socket, readable != 0, writable != 0);
  };
  int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  options.qcache_max_ttl = 0;  // on by default since 1.31, for up to an hour, NXDOMAIN included
  mask |= ARES_OPT_QUERY_CACHE;
#endif
#ifdef ARES_OPT_RESOLVCONF
  std::string resolv_conf = options_.resolv_conf;  // c-ares copies it, but takes it as non-const
  if (!resolv_conf.empty()) {
    options.resolvconf_path = resolv_conf.data();
    mask |= ARES_OPT_RESOLVCONF;
  }
#endif
  int status = library_status();
  if (status == ARES_SUCCESS) status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS && !options_.dns_servers.empty()) {
    std::string servers;
    for (const Endpoint& server : options_.dns_servers)
      servers += (servers.empty() ? "" : ",") + server.to_string();
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
    if (status != ARES_SUCCESS) close_channel();
  }
  if (status == ARES_SUCCESS) return true;
  for (Query& query : queries_) query.status = status;
  return false;
}

void Resolver::abandon_round() {
  close_channel();
  unanswered_count_ = 0;  // c-ares calls back for each, but do not hang on it
}

/// Whatever is still unanswered gets its callback in here, and every socket its last `on_socket_state`.
void Resolver::close_channel() {
  if (channel_ == nullptr) return;
  ares_destroy(std::exchange(channel_, nullptr));
  watches_.clear();
}

/// Asks every query of that status again, or for the first time.
void Resolver::ask_those_with(int status) {
  std::vector<Query*> asked;
  for (Query& query : queries_)
    if (query.status == status) asked.push_back(&query);
  unanswered_count_ = asked.size();  // before the first of them: callbacks may come inside the call
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_socktype = SOCK_DGRAM;
  for (Query* query : asked) {
    query->status = ARES_ETIMEOUT;
    hints.ai_family = query->family;
    ares_getaddrinfo(channel_, options_.neighbors[query->neighbor].name.c_str(), nullptr, &hints,
                     &Resolver::on_answer, query);
  }
}

/// After every call into c-ares: the round has ended, or the timer waits for what c-ares waits for.
void Resolver::settle() {
  if (unanswered_count_ == 0 && channel_ != nullptr && !std::exchange(repeated_, true))
    ask_those_with(ARES_EFORMERR);
  if (unanswered_count_ == 0) {
    phase_ = Phase::ended;
    return arm(Duration::zero());
  }
  Duration delay = round_deadline_ - Loop::now();
  timeval until{};
  if (ares_timeout(channel_, nullptr, &until) != nullptr)
    delay = std::min<Duration>(delay,
                               std::chrono::seconds(until.tv_sec) + std::chrono::microseconds(until.tv_usec));
  if (!found_.endpoints.empty() && early_at_ != never) delay = std::min(delay, early_at_ - Loop::now());
  arm(std::max<Duration>(delay, milliseconds(1)));
}

void Resolver::report_early() {
  if (phase_ != Phase::running || found_.endpoints.empty() || Loop::now() < early_at_) return;
  early_at_ = never;
  Resolution so_far = found_;
  so_far.complete = false;
  so_far.early = true;
  listener_.on_resolution(so_far);  // the last thing: it may destroy this resolver
}

void Resolver::report() {
  close_channel();
  for (std::size_t i = 0; i + 1 < queries_.size(); i += 2)
    judge(queries_[i].neighbor, queries_[i], queries_[i + 1]);
  bound_endpoints();
  phase_ = Phase::waiting;
  const Duration pause = again_ ? Duration::zero() : random_.jittered(next_interval(), jitter_share);
  arm(std::max<Duration>(pause, milliseconds(1)));  // whatever the listener does, the loop gets its turn
  const Resolution resolution = std::exchange(found_, Resolution{});
  listener_.on_resolution(resolution);  // the last thing: it may destroy this resolver
}

Duration Resolver::next_interval() {
  // Doubling stops long before it could overflow.
  if (young_interval_ < options_.interval) young_interval_ *= 2;
  return std::min(young_interval_, options_.interval);
}

void Resolver::judge(std::size_t neighbor, const Query& a, const Query& aaaa) {
  const std::string& name = options_.neighbors[neighbor].name;
  if (!is_answer(a.status) || !is_answer(aaaa.status)) {
    found_.complete = false;
    const std::string what =
        a.status == aaaa.status
            ? text_of_status(a.status)
            : fmt::format("A: {}, AAAA: {}", text_of_status(a.status), text_of_status(aaaa.status));
    found_.errors.push_back(fmt::format("name {}: {}; {}", name, what, retrying()));
    const bool has_addresses = a.status == ARES_SUCCESS || aaaa.status == ARES_SUCCESS;
    found_.faults.push_back(has_addresses ? DnsFault::one_family
                                          : fault_of(is_answer(a.status) ? aaaa.status : a.status));
  } else if (is_none(a.status) && is_none(aaaa.status)) {
    const bool exists = a.status == ARES_ENODATA || aaaa.status == ARES_ENODATA;
    found_.errors.push_back(fmt::format("name {}: {}; normal until the first node is ready, {}", name,
                                        text_of_status(exists ? ARES_ENODATA : ARES_ENOTFOUND), retrying()));
    found_.faults.push_back(exists ? DnsFault::no_addresses : DnsFault::not_found);
  }
}

std::string Resolver::retrying() const {
  return fmt::format("retrying every {}", text_of(options_.interval));
}

// --- answers -----------------------------------------------------------------------------------

void Resolver::on_answer(void* arg, int status, int /*timeouts*/, ares_addrinfo* answer) {
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(answer, &ares_freeaddrinfo);
  Query& query = *static_cast<Query*>(arg);
  Resolver& self = *query.resolver;
  --self.unanswered_count_;
  if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;  // no answer: still ARES_ETIMEOUT
  query.status = status;
  if (status != ARES_SUCCESS || answer == nullptr) return;
  if (answer->nodes == nullptr) query.status = ARES_ENODATA;
  const Neighbor& neighbor = self.options_.neighbors[query.neighbor];
  for (const ares_addrinfo_node* node = answer->nodes; node != nullptr; node = node->ai_next)
    self.add(node->ai_addr, neighbor);
  self.bound_endpoints();
}

void Resolver::add(const sockaddr* from, const Neighbor& neighbor) {
  const Address address = endpoint_of(from).address;
  if (is_unicast(address)) {
    found_.endpoints.push_back(Endpoint{address, neighbor.port});
  } else if (found_.errors.size() < neighbors_max) {
    found_.errors.push_back(fmt::format("name {}: ignored {}: not the address of one machine", neighbor.name,
                                        address.to_string()));
    found_.faults.push_back(DnsFault::other);
  }
}

/// Sorts, and keeps memory bounded whatever DNS lists. Which of too many are kept is drawn anew each time:
/// were it always the lowest ones, whoever lists thousands of low addresses would hide the true ones for
/// good.
void Resolver::bound_endpoints() {
  auto& endpoints = found_.endpoints;
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  if (endpoints.size() <= endpoints_max) return;
  if (found_.complete) {
    found_.errors.push_back(
        fmt::format("expected at most {} addresses in the neighborhood, found more; "
                    "the rest is left out",
                    endpoints_max));
    found_.faults.push_back(DnsFault::other);
  }
  for (std::size_t i = 0; i < endpoints_max; ++i)
    std::swap(endpoints[i], endpoints[i + random_.below(endpoints.size() - i)]);
  endpoints.resize(endpoints_max);
  std::sort(endpoints.begin(), endpoints.end());
  found_.complete = false;
}

// --- sockets of c-ares -------------------------------------------------------------------------

/// c-ares calls this with neither flag just before it closes the socket; the number may come back at once,
/// for another socket.
void Resolver::on_socket_state(ares_socket_t socket, bool readable, bool writable) {
  auto watch =
      std::find_if(watches_.begin(), watches_.end(), [&](const Watch& w) { return w.socket == socket; });
  if (!readable && !writable) {
    if (watch != watches_.end()) watches_.erase(watch);
    return;
  }
  if (watch == watches_.end()) {
    auto poll = std::make_unique<uv_poll_t>();
    if (uv_poll_init_socket(loop_.get(), poll.get(), socket) != 0) return;  // the query will time out
    watch = watches_.insert(watches_.end(), Watch{socket, adopt(std::move(poll), this)});
  }
  const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  uv_poll_start(watch->poll.get(), events, &Resolver::on_socket_event);
}

void Resolver::on_socket_event(uv_poll_t* poll, int status, int events) {
  auto* self = static_cast<Resolver*>(poll->data);
  uv_os_fd_t socket{};
  if (self == nullptr || self->phase_ != Phase::running ||
      uv_fileno(reinterpret_cast<const uv_handle_t*>(poll), &socket) != 0)
    return;
  if (status != 0) events = UV_READABLE | UV_WRITABLE;  // let c-ares meet the error itself
  ares_process_fd(self->channel_, (events & UV_READABLE) != 0 ? socket : ARES_SOCKET_BAD,
                  (events & UV_WRITABLE) != 0 ? socket : ARES_SOCKET_BAD);
  self->settle();
}

}  // namespace starling
