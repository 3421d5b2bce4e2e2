/// A whole node without I/O: time, datagrams and requests come in as parameters, datagrams go out through
/// `Effects`, and one deadline says when to call again. The same engine runs in `starling node`, in programs
/// that embed it and, by the thousand, in the simulator.
///
/// Every input may change the next deadline; a shell arms one timer for it after each batch of inputs.
#pragma once

#include <starling/request.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/effects.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "counter/counter_table.hpp"
#include "engine/counter_store.hpp"
#include "engine/expiry_clock.hpp"
#include "engine/top_board.hpp"
#include "engine/top_view.hpp"
#include "engine/view.hpp"
#include "gossip/gossip.hpp"
#include "limiter/limiter.hpp"
#include "live/live_exchange.hpp"
#include "membership/membership.hpp"
#include "wire/codec.hpp"
#include "wire/key_ring.hpp"

namespace starling {

struct EngineOptions {
  OriginId origin;  ///< random, not 0, new at every start
  /// Of all other randomness (jitter, phases), and what keeps others from choosing keys that crowd one place
  /// of the counters' index: random too, but in a replay.
  std::uint64_t seed = 0;
  std::string cluster = "starling";
  wire::KeyRing keys;                          ///< none: packets are sent and taken plain
  std::string node_name = "node";              ///< for people; need not be unique
  std::uint16_t sync_port = 4290;              ///< where this node takes deltas
  bool has_neighborhood = false;               ///< false: a cluster of one, ready at once
  std::optional<Duration> heartbeat_interval;  ///< nothing: 200 ms below 50 nodes, else 1 s
  Duration sync_interval = std::chrono::milliseconds(500);
  std::size_t late_per_beat_min = PublishQueue::late_per_beat_min_default;
  SyncMode sync_mode = SyncMode::adaptive;
  Duration flush_coalesce = std::chrono::microseconds(500);
  Duration join_timeout = std::chrono::seconds(2);
  std::uint32_t counters_max = 1'000'000;
  std::uint32_t components_max = 4'000'000;
  std::uint64_t egress_bytes_per_s = egress_bytes_per_s_default;  ///< what may wait waits above this
  std::size_t live_overrides_max = starling::live_overrides_max;  ///< tombstones included
};

class Engine {
 public:
  Engine(EngineOptions options, RuleSet rules, Instant now);
  /// The wait for the others' counts begins now, not when the engine began to be made: on a starved machine
  /// the tables alone may take all of `join_timeout`.
  void begin_join(Instant now) { join_deadline_ = now + options_.join_timeout; }

  /// A datagram came to one of our two UDP ports.
  /// Errors: as in ErrorCode; each is counted by its code.
  Result<void> on_datagram(const Endpoint& from, Port port, std::span<const std::byte> bytes, Instant now,
                           WallTime wall, Effects& effects);

  /// May this request pass? Counts it if so. Views in the result live until the next call.
  /// Shape: O(rules x descriptors); one lookup per limit; no allocation for known counters.
  Decision decide(const Request& request, Instant now, WallTime wall);

  /// Time has passed: flushes, acks, heartbeats, expiry. Call at `next_deadline()`; earlier or later is
  /// harmless.
  void on_tick(Instant now, WallTime wall, Effects& effects);
  Instant next_deadline() const;
  /// Amid a turn of the loop with many decisions: sends what is urgent, and acks. What a flood leaves, the
  /// beat and expiry, keeps to its share of a turn and waits for `on_tick`.
  void tell_urgent(Instant now, WallTime wall, Effects& effects);

  /// DNS has answered: heartbeat endpoints of the neighborhood, our own perhaps among them.
  void on_resolved(std::span<const Endpoint> candidates, Instant now, Effects& effects);

  /// Counts stay: a rule that keeps its name and windows keeps its counters.
  void replace_rules(RuleSet rules);
  const RuleSet& rules() const { return limiter_.rules(); }
  /// Another key ring, from the next datagram on. No counter of a packet is used twice, whatever the rings.
  void replace_keys(const wire::KeyRing& keys);
  std::shared_ptr<const RuleSet> shared_rules() const { return limiter_.shared_rules(); }

  /// Changes the rules while running, here and by gossip everywhere; replaces what was set about the same
  /// subject. A rule that is not known (yet) may be named. Of times, `expires_at` is by the nodes' wall
  /// clocks. Errors (state unchanged): table_full; bad_field, detail: a LiveFlaw.
  Result<LiveView> set_live(const LiveOverride& what, std::optional<WallTime> expires_at,
                            std::string_view set_by, Instant now, WallTime wall, Effects& effects);
  /// Takes it back. False: nothing holds about this subject.
  bool clear_live(const LiveOverride& subject, std::string_view by, Instant now, WallTime wall,
                  Effects& effects);
  /// All that hold, by kind, rule and whom they are about.
  std::vector<LiveView> live_overrides(WallTime wall) const;
  /// All that is kept of them, tombstones too; for inspection.
  const LiveTable& live_table() const { return live_; }

  /// Begins to leave: not ready any more, everything is published at once. Requests are still answered.
  void begin_leave(Instant now, Effects& effects);
  /// No more requests will come: say goodbye when every live peer holds all our counts, or at `deadline`.
  void finish_leave(Instant deadline) { leave_deadline_ = deadline; }

  EngineState state() const { return state_; }
  OriginId origin() const { return options_.origin; }
  std::vector<PeerView> peers(Instant now) const;
  EngineCounts counts() const;
  /// What each rule said; views are valid until rules are replaced.
  std::vector<RuleTally> rule_tallies() const { return limiter_.tallies().list(); }
  /// The counters this request is held to, in the current and the previous window, if they have hits.
  std::vector<CounterView> counters(const Request& request, WallTime wall);

  /// The counters behind the last decision's `limits`, in the same order.
  std::span<const CounterId> decided() const { return limiter_.counters(); }
  /// Fills `shares` with the components of a counter, in no particular order, and returns its merged value.
  Hits look(const CounterId& id, std::vector<CounterView::Share>& shares) const;
  /// The hottest callers, as far as they are known now; asks other nodes for names that are missing.
  TopView top(const TopQuery& query, Instant now, WallTime wall, Effects& effects) {
    return top_.top(query, now, wall, effects);
  }
  EngineSizes sizes() const;

 private:
  Result<void> dispatch(const Endpoint& from, wire::Kind kind, std::size_t bytes_count, Instant now,
                        WallTime wall, Effects& effects);
  Result<void> on_heartbeat(const Endpoint& from, std::size_t bytes_count, Instant now, WallTime wall,
                            Effects& effects);
  Result<void> on_overrides(const Endpoint& from, Instant now, WallTime wall, Effects& effects);
  Result<void> on_inquiry(const Endpoint& from, Instant now, Effects& effects);
  /// Not sent if it would be larger than `bytes_max`.
  void send_heartbeat(const Endpoint& to, std::size_t bytes_max, Instant now, WallTime wall,
                      Effects& effects);
  /// To a life that speaks from where another is known to live.
  void answer_aside(const Endpoint& to, const Membership::Heard& heard, std::size_t bytes_max, Instant now,
                    WallTime wall, Effects& effects);
  void send_composed(const Endpoint& to, std::size_t bytes_max, Effects& effects);
  void update_state(Instant now, WallTime wall, Effects& effects);
  void say_goodbye(Instant now, WallTime wall, Effects& effects);
  void expire(WallTime ended_by, Instant now);
  void show(const wire::KeyRing& keys);
  // Live overrides (engine_live.cpp).
  bool live_is_stale(Instant now, WallTime wall) const;
  void apply_live(Instant now, WallTime wall);
  void tend_live(Instant now, WallTime wall, WallTime ended_by, Effects& effects);
  void tell_expired(WallTime wall, Effects& effects);
  void tell_changed(const LiveEntry& entry, OriginId told_by, Effects& effects);
  Surroundings surroundings(Instant now, WallTime wall) const;

  EngineOptions options_;
  KeyedHash hash_;
  wire::Sealer sealer_;
  wire::Opener opener_;
  Random random_;
  CounterTable counters_;
  Limiter limiter_;
  CounterStore store_;
  Membership membership_;
  Gossip gossip_;
  LiveTable live_;
  LiveExchange live_exchange_;
  TopBoard top_;
  wire::Decoder decoder_;
  EngineState state_ = EngineState::joining;
  EngineCounts counts_;  // of its keys: the ring's
  Instant join_deadline_{};
  Instant leave_deadline_ = never;
  ExpiryClock expiry_clock_;
  Instant next_expiry_check_{};
  WallTime wall_{};  // of the last input
  /// What the limiter was given of the live overrides, and until when that is right.
  struct LiveApplied {
    bool stale = false;
    bool at_once = false;  ///< somebody here waits for it
    Instant at{};
    std::optional<WallTime> next_expiry;
    std::optional<WallTime> last_expired;
  } live_applied_;
  std::optional<WallTime> live_expiry_untold_;  // the first of which nobody was told
  /// What is told to people in sums.
  struct LiveNews {
    std::uint64_t taken_in = 0;
    OriginId taken_from;
    std::uint64_t refused_told = 0;
    Instant refused_told_at{};
  } live_news_;
  Instant table_full_noticed_{};
  std::uint64_t counters_refused_told_ = 0;
  bool table_full_ = false;
  Membership::Due due_;        // scratch
  wire::Heartbeat heartbeat_;  // scratch
};

}  // namespace starling
