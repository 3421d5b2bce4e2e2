/// Finds the neighborhood in DNS: asks for every name's A and AAAA records, again and again.
///
/// The work goes in rounds. A round asks for all names at once, ends when the last answer is in or
/// `round_timeout` is over, and is reported whole; the next one follows after `interval` give or take a
/// fifth, so that nodes started together do not ask together. Rounds never overlap: `resolve_now()` during a
/// round only makes the next one follow at once.
///
/// Each round has a c-ares channel of its own. That reads resolv.conf and /etc/hosts anew (c-ares 1.18 has no
/// ares_reinit), draws new source ports, and leaves no state in which a resolver could be stuck.
///
/// Hard cases, all of c-ares 1.18 (Debian 12):
/// - A callback may come inside the call that asks. So callbacks only note the answer; the listener is told
///   from the timer, never inside c-ares and never inside a call of the owner.
/// - With AF_UNSPEC, destroying a channel in mid-query can send a new query into it (c-ares issue 532), and
///   an answer for one family hides the other one's timeout. So A and AAAA are two requests.
/// - ares_getaddrinfo sorts by connecting a socket to every address (RFC 6724) unless told ARES_AI_NOSORT.
/// - A server that knows no EDNS answers FORMERR; c-ares then repeats without, but of several queries under
///   way only the first. The others are repeated here, on the channel that now does without EDNS.
/// - A SERVFAIL or REFUSED of every server is reported as ARES_ECONNREFUSED.
/// - That repetition moves the query while its truncated predecessor may wait for a TCP connection to be
///   written to: its memory is ours, so that it stays (`resize`).
/// - It writes to TCP sockets without MSG_NOSIGNAL: the process has to ignore SIGPIPE.
#pragma once

#include <ares.h>
#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "node/dns_fault.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/neighborhood.hpp"

namespace starling {

inline constexpr std::size_t endpoints_max = 4096;  ///< of one resolution

/// What one round found.
struct Resolution {
  std::vector<Endpoint> endpoints;  ///< sorted, each once, at most `endpoints_max`; with heartbeat ports
  std::vector<std::string> errors;  ///< one line for each name that has no addresses or not all of them
  std::vector<DnsFault> faults;     ///< one for each of `errors`
  /// Every name was answered, be it by "there are none" (NXDOMAIN, NODATA): `endpoints` is the whole list. If
  /// false, a timeout, a refusal or garbage hides some, and what was known before still stands.
  bool complete = false;
  /// The round goes on: some names are slow, and these addresses need not wait for them. Never `complete`.
  bool early = false;

  /// Every name has addresses, if perhaps of one family only since nobody answers about the other.
  bool found_all() const {
    return std::all_of(faults.begin(), faults.end(),
                       [](DnsFault fault) { return fault == DnsFault::one_family; });
  }
};

class Resolver {
 public:
  class Listener {
   public:
    /// A round has ended. The listener may call `resolve_now()` or destroy the resolver in here.
    virtual void on_resolution(const Resolution& resolution) = 0;

   protected:
    ~Listener() = default;
  };

  struct Options {
    std::vector<Neighbor> neighbors;
    std::vector<Endpoint> dns_servers;  ///< empty: those of resolv.conf
    std::string resolv_conf;            ///< empty: the system's
    Duration interval = std::chrono::seconds(5);
    Duration try_timeout = std::chrono::seconds(1);  ///< of the first try; c-ares doubles it for each next
    int tries_count = 2;                             ///< per server and query
    Duration round_timeout = std::chrono::seconds(10);
    std::uint64_t seed = 0;  ///< of the jitter
  };

  /// The first round starts with the loop's next iteration. `loop` and `listener` outlive the resolver.
  Resolver(Loop& loop, Options options, Listener& listener);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Starts a round at once; if one is running, as soon as that one has ended.
  void resolve_now();

 private:
  // Nodes that start together come into DNS one after the other: a young node asks more often, at pauses that
  // double from this up to the interval.
  static constexpr Duration young_interval_first = std::chrono::milliseconds(125);
  // RFC 8305's patience with the slower family; here a server that swallows AAAA queries must not keep a node
  // alone.
  static constexpr Duration early_report_after = std::chrono::milliseconds(250);

  enum class Phase : std::uint8_t { waiting, running, ended };

  /// One question to DNS. Stays where it is while its round lasts: c-ares holds its address.
  struct Query {
    Resolver* resolver = nullptr;
    std::size_t neighbor = 0;
    int family = 0;
    int status = ARES_ETIMEOUT;  ///< what it is if the round ends without an answer
  };

  struct Watch {
    ares_socket_t socket{};
    Handle<uv_poll_t> poll;
  };

  void arm(Duration delay);
  void on_timer();
  void begin_round();
  bool open_channel();
  void close_channel();
  void abandon_round();
  void ask_those_with(int status);
  void settle();
  void report_early();
  void report();

  void on_socket_state(ares_socket_t socket, bool readable, bool writable);
  static void on_socket_event(uv_poll_t* poll, int status, int events);
  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* answer);
  void add(const sockaddr* address, const Neighbor& neighbor);
  void bound_endpoints();
  void judge(std::size_t neighbor, const Query& a, const Query& aaaa);
  std::string retrying() const;
  Duration next_interval();

  Loop& loop_;
  const Options options_;
  Listener& listener_;
  Random random_;

  Handle<uv_timer_t> timer_;  // next round, c-ares timeout, or report, by phase
  Phase phase_ = Phase::waiting;
  Duration young_interval_ = young_interval_first;
  bool again_ = false;     // resolve_now() was called during the round
  bool repeated_ = false;  // this round has repeated what failed for want of EDNS
  Instant round_deadline_ = never;
  Instant early_at_ = never;  // when to report what is there; never: done

  ares_channel channel_ = nullptr;
  std::vector<Watch> watches_;
  std::vector<Query> queries_;
  std::size_t unanswered_count_ = 0;
  Resolution found_;
};

}  // namespace starling
