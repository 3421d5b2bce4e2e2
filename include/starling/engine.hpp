/// The engine alone: a whole node without I/O, for programs that bring their own sockets, clocks and timers.
///
/// Time, datagrams and requests come in as parameters, datagrams go out through `Effects`, and one deadline
/// says when to call again. It is the engine of `starling node`: what it sends, every node understands.
///
///     engine.on_resolved(endpoints, now, effects);          // whenever the neighborhood is known anew
///     engine.on_datagram(from, Port::sync, bytes, now, effects);
///     if (engine.next_deadline_ns() <= now.monotonic_ns) engine.on_tick(now, effects);
///
/// Call `on_tick` after each batch of inputs when the deadline has come, and set one timer for the rest: any
/// input, `decide` too, may bring the deadline nearer.
///
/// **Thread.** An engine is not locked and not tied to a thread: one call at a time. Several are independent.
/// **Errors.** No exception leaves these functions, but `std::bad_alloc` where memory for tables or results
/// is short, and what your own `Effects` throw: what is left undone then is undone for good, so better do
/// not. A broken invariant aborts the process.
#pragma once

#include <starling/error.hpp>
#include <starling/request.hpp>
#include <starling/view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::embed {

/// One moment by both clocks, read together.
struct Time {
  std::int64_t monotonic_ns = 0;  ///< nanoseconds since any start, never going back; measures how long
  std::int64_t wall_ms = 0;       ///< milliseconds since 1970-01-01 UTC; picks the windows
};

/// `next_deadline_ns()` when there is nothing to wait for.
inline constexpr std::int64_t never_ns = INT64_MAX;

/// Which of a node's two UDP ports a datagram came to, or is to be sent from.
enum class Port : std::uint8_t {
  sync,       ///< counts, rules' overrides, names; 4290 by default
  heartbeat,  ///< who is here; 4291 by default
};

/// An address and a UDP port.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};  ///< in network order; IPv4 as IPv4-mapped IPv6, ::ffff:a.b.c.d
  std::uint32_t scope = 0;                 ///< interface index of a link-local IPv6 address, else 0
  std::uint16_t port = 0;                  ///< in host order

  /// Reads "10.0.0.1" or "fd00::1", without brackets and scope; nothing if `text` is neither.
  static std::optional<Endpoint> parse(std::string_view text, std::uint16_t port);
  /// "10.0.0.1:4290" or "[fd00::1]:4290".
  std::string to_string() const;
  /// Equal in every part.
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What an engine asks of the world. Calls come only from inside the engine's functions that take one; they
/// must not call the engine.
class Effects {
 public:
  /// Not owned by the engine: it lives as long as the call it is given to.
  virtual ~Effects() = default;
  /// Sends `datagram` (at most 1,232 bytes, valid during the call) from the port `via`. It may be lost;
  /// nobody will be told.
  virtual void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) = 0;
  /// Something a person may want to read: "peer_alive", "became_ready", ...; `peer`: who, if about somebody.
  /// Nothing depends on it. Both are valid during the call.
  virtual void notify(std::string_view what, std::string_view peer);
};

/// Everything an engine is told at its start. What is left out has the default of `starling node`.
struct EngineOptions {
  /// The id of this life of the node: random, not 0, never used before. Counts belong to it.
  std::uint64_t origin = 0;
  /// Of all other randomness (jitter, phases). Equal seeds and inputs give equal outputs. Draw it at random
  /// but in a replay: who knows it and may speak to this engine can choose counters that slow it down.
  std::uint64_t seed = 0;
  /// Engines with different cluster names ignore each other; empty: "starling".
  std::string cluster = {};
  /// What peers and people see; printable ASCII; empty: "node".
  std::string node_name = {};
  /// The port at which this node takes counts; peers are told.
  std::uint16_t sync_port = 4290;
  /// True: it joins the nodes that `on_resolved` names; false: a cluster of one, ready at once.
  bool has_neighborhood = true;
  /// Rules as YAML text; empty: each `principal` may make 100 requests per 10 s.
  std::string rules = {};
  /// As `NodeOptions::settings`: heartbeat-interval, sync-interval, join-timeout, max-counters (memory for
  /// all of them is reserved in `start()`), egress-limit.
  std::map<std::string, std::string> settings = {};
};

/// One engine.
class Engine {
 public:
  /// Only takes notes.
  explicit Engine(EngineOptions options);
  /// Without `leave` before it, a crash as peers see it.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Reads the options, blocks while it reserves memory. Before it has succeeded inputs do nothing, and
  /// `decide` lets everything pass, uncounted.
  /// Errors: an option is wrong, the rules are, memory is short, it was started before.
  Error start(Time now);

  /// May this request pass? Counts it if so. The views in `request` live during the call, those in the result
  /// until the next call. Shape: O(rules x descriptors), no allocation for callers that are known.
  Decision decide(const Request& request, Time now) noexcept;

  /// A datagram of at most 65,535 bytes came to the port `to` of this node. Returns why it was refused, as
  /// "wrong_cluster" or "from_self" (valid for ever), or an empty view if it was taken.
  std::string_view on_datagram(const Endpoint& from, Port to, std::span<const std::byte> bytes, Time now,
                               Effects& effects);
  /// The neighborhood: where all its nodes take heartbeats, this one perhaps among them. Replaces what was
  /// said before.
  void on_resolved(std::span<const Endpoint> neighborhood, Time now, Effects& effects);
  /// Does what is due: flushes, acks, heartbeats, expiry. Too early or too late is harmless.
  void on_tick(Time now, Effects& effects);
  /// When `on_tick` is wanted next, by the clock of `Time::monotonic_ns`; may be past; `never_ns`: never.
  std::int64_t next_deadline_ns() const noexcept;

  /// As `Node::replace_rules`.
  Error replace_rules(std::string_view yaml);

  /// Begins to leave: not ready any more, and everything is published at once. The state becomes `left` in an
  /// `on_tick`, when every live peer has confirmed all counts or `deadline_ns` has come; go on with inputs
  /// until then. Hits that are admitted after this call may be lost.
  void leave(std::int64_t deadline_ns, Time now, Effects& effects);

  /// Where the engine is in its life.
  State state() const noexcept;
  /// Every address and node of the neighborhood but this one.
  std::vector<Peer> peers(Time now) const;
  /// Sums since `start()`, and how full the tables are.
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace starling::embed
