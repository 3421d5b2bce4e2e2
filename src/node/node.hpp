/// A node on an event loop: the engine with real sockets, DNS, clocks and a timer.
///
/// The loop's rule: inputs (datagrams, requests) only change the engine; before the loop goes to sleep the
/// node looks at the engine's deadline, does what is due, and arms one timer for the rest. So everything that
/// became urgent in one iteration shares packets.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/effects.hpp"
#include "engine/engine.hpp"
#include "node/denial_log.hpp"
#include "node/key_standing.hpp"
#include "node/log.hpp"
#include "node/loop.hpp"
#include "node/node_counts.hpp"
#include "node/peer_log.hpp"
#include "node/precise_timer.hpp"
#include "node/recent_senders.hpp"
#include "node/resolver.hpp"
#include "node/settings.hpp"
#include "node/status.hpp"
#include "node/troubles.hpp"
#include "node/udp_socket.hpp"
#include "wire/key_ring.hpp"

namespace starling {

class Node final : private Effects,
                   private UdpSocket::Receiver,
                   private PreciseTimer::Listener,
                   private Resolver::Listener {
 public:
  struct Options {
    Settings settings;
    std::vector<SettingView> setting_views;
    RuleSet rules;
    std::string rules_from = "built-in";
    wire::KeyRing keys = {};  ///< what `settings.key_file` says
  };

  /// `loop` must outlive the node.
  Node(Loop& loop, Options options, Log log);
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Opens the sockets and begins to look for the neighborhood. Error: one line that names the setting.
  tl::expected<void, std::string> start();

  Decision decide(const Request& request) { return decide(request, Loop::wall()); }
  /// For callers that have to know by which wall clock it was decided.
  Decision decide(const Request& request, WallTime wall) {
    if (--decisions_to_catch_up_ == 0) catch_up(wall);
    const Instant now = Loop::now();
    const Decision decision = engine_->decide(request, now, wall);
    if (denial_log_)
      denial_log_->on_decision(request, decision, engine_->decided(), engine_->rules(), now, wall);
    if (--decisions_to_sample_ == 0) {
      decisions_to_sample_ = decisions_per_sample;
      decision_times_.observe(Loop::now() - now);
    }
    return decision;
  }
  // So many decisions of one turn of the loop are made before the sync socket is looked at: at first the
  // least, then twice as many after each look that found nothing, so that a busy node without news looks
  // seldom.
  static constexpr std::uint32_t catch_up_after_min = 4;
  static constexpr std::uint32_t catch_up_after_max = 32;
  /// Of so many decisions one is timed. A prime, so that it meets each of those that take turns.
  static constexpr std::uint32_t decisions_per_sample = 61;
  std::vector<CounterView> counters(const Request& request) {
    return engine_->counters(request, Loop::wall());
  }
  TopView top(const TopQuery& query) { return engine_->top(query, Loop::now(), Loop::wall(), *this); }
  NodeStatus status() const;
  NodeCounts counts() const;
  std::vector<PeerView> peers() const { return engine_->peers(Loop::now()); }
  const std::string& name() const { return name_; }
  EngineState state() const { return engine_->state(); }

  /// Those in force; never null.
  std::shared_ptr<const RuleSet> rules() const { return engine_->shared_rules(); }
  /// All live overrides that hold, by kind, rule and whom they are about.
  std::vector<LiveView> live_overrides() const { return engine_->live_overrides(Loop::wall()); }
  /// Sets or replaces one, here and by gossip everywhere. Error: one line for the client; nothing changed.
  tl::expected<LiveView, std::string> set_live(const LiveOverride& what,
                                               std::optional<std::chrono::milliseconds> expires_in,
                                               std::string_view set_by);
  /// Takes back the one about the same subject. False: there is none.
  bool clear_live(const LiveOverride& subject, std::string_view by);

  void resolve_now();
  void replace_rules(RuleSet rules, std::string from);
  /// `error`: one line for people.
  void reload_failed(std::string error, bool vanished = false);

  /// What the key file says now.
  void replace_keys(const wire::KeyRing& keys);
  /// It says nothing that can be used; `error` is one line for people. The old keys stay.
  void keys_refused(std::string error);

  /// It happened `count` times more: told to the log now and then, and to people for a while.
  void report(Trouble trouble, std::uint64_t count, std::string_view detail = {});
  /// For what is counted elsewhere, once a second: `look` says how far the counts are, by `observe`.
  void set_watch(std::function<void()> look) { look_ = std::move(look); }
  void observe(Trouble trouble, std::uint64_t total) { troubles_.observe(trouble, total, Loop::now()); }

  /// Not ready any more; everything is published at once. Requests are still answered.
  void begin_leave();
  /// No more requests will come. The state becomes `left` when all peers have our counts, or at the deadline.
  void finish_leave(Instant deadline);

  /// Where the front ends listen, for status.
  void set_listeners(std::optional<Endpoint> http, std::optional<Endpoint> grpc,
                     std::optional<Endpoint> admin);

 private:
  // Effects
  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override;
  void notify(const Notice& notice) override;
  // Inputs
  void on_datagram(UdpSocket& socket, const Endpoint& from, std::span<const std::byte> bytes) override;
  void on_timer() override;
  void on_resolution(const Resolution& resolution) override;

  tl::expected<void, std::string> open(UdpSocket& socket, std::uint16_t port, std::string_view setting);
  void before_sleep();
  /// In a turn of the loop with many decisions: hears what peers have said meanwhile and tells them what is
  /// urgent. Does nothing in the midst of a datagram or a tick. What throws there ends the process, as it
  /// does where libuv calls.
  void catch_up(WallTime wall) noexcept;
  void log_resolution(const Resolution& resolution);
  void log_live(const Notice& notice);
  void watch();
  void start_watch();

  Loop& loop_;
  Options options_;
  Log log_;
  PeerLog peer_log_;
  std::string name_;
  Instant started_;
  OriginId origin_;
  UdpSocket sync_socket_;
  UdpSocket heartbeat_socket_;
  PreciseTimer timer_;
  Handle<uv_prepare_t> before_sleep_;
  Handle<uv_timer_t> watch_timer_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<DenialLog> denial_log_;  ///< null: they are not logged
  std::unique_ptr<Resolver> resolver_;
  Resolution last_resolution_;  // all addresses that still count as listed, and the last round's errors
  std::optional<Resolution> logged_;
  std::optional<Instant> last_resolved_;
  std::map<Endpoint, Instant> last_listed_;  // at most `endpoints_max`
  std::string reload_error_;
  bool config_vanished_ = false;
  NodeStatus::Reloads reloads_;  // without the age, which follows from the next
  std::optional<Instant> last_reload_;
  WallTime rules_since_;
  std::uint64_t dns_ok_ = 0;
  std::uint64_t dns_failed_ = 0;
  std::uint64_t counters_refused_told_ = 0;
  DurationHistogram decision_times_;
  std::uint32_t decisions_to_sample_ = decisions_per_sample;
  std::uint32_t catch_up_after_ = catch_up_after_min;
  std::uint32_t decisions_to_catch_up_ = catch_up_after_min;
  bool caught_up_ = false;    ///< in this turn
  bool heard_ = false;        ///< a datagram, since the last look
  bool engine_busy_ = false;  ///< with a datagram or a tick, from which somebody's log may ask for a decision
  std::optional<WallTime> caught_up_by_;  ///< the clock of what is heard amid a turn
  Troubles troubles_;
  RecentSenders wrong_cluster_from_;
  RecentSenders wrong_protocol_from_;
  KeyStanding keys_;
  std::function<void()> look_;
  Instant watched_at_{};
  Duration idle_at_watch_{};
  std::optional<Endpoint> http_;
  std::optional<Endpoint> grpc_;
  std::optional<Endpoint> admin_;
};

}  // namespace starling
