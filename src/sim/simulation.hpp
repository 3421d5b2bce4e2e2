/// Many real engines on a virtual network and a virtual clock.
///
/// Nothing here waits: the next event is taken from a queue and time jumps to it. All randomness comes from
/// one seed, so a run is repeated bit for bit by its seed, and `trace_hash` says whether it was. Engines are
/// the ones of `starling node`, not models of them, and are driven as `src/node` drives them: datagrams wait
/// in socket buffers while the event loop stands still, DNS is asked every five seconds, one timer is armed.
///
/// A run usually has two phases: faults, then `heal` and a demand that all views become equal.
#pragma once

#include <starling/request.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/random.hpp"
#include "engine/engine.hpp"
#include "engine/expiry_clock.hpp"
#include "sim/events.hpp"
#include "sim/ledger.hpp"
#include "sim/live_truth.hpp"
#include "sim/network.hpp"
#include "sim/reader.hpp"
#include "sim/stranger_account.hpp"

namespace starling::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  RuleSet rules = RuleSet::built_in();
  LinkOptions link;
  EngineOptions engine;          ///< a template: origin, seed and name are set per node
  bool check_every_step = true;  ///< run the checkers after every admission, delivery and tick
  /// Damaged packets that the decoder takes for sound are delivered too. Otherwise they are dropped, as UDP's
  /// checksum would have it. Then no view needs to be true any more.
  bool believe_damage = false;
  /// No node takes plain packets and nobody else has a key: whatever no node has sent must be refused, and
  /// what comes a second time must change nothing. Damage is delivered as it is.
  bool keys_are_secret = false;
  bool connected = true;   ///< false: each node is configured as a cluster of one
  Hits cluster_limit = 0;  ///< what the ledger holds the cluster to; 0: the limit that the node names
  /// Told of each datagram that came to a node's sync port, after the node has taken it in.
  std::function<void(NodeIndex from, NodeIndex to)> on_delta;
};

class Simulation {
 public:
  static constexpr Instant start_of_time{std::chrono::hours(1)};
  /// An arbitrary wall clock at the start, at the beginning of a window of any usual length.
  static constexpr WallTime wall_start{std::chrono::milliseconds(1'800'000'000'000)};

  explicit Simulation(SimulationOptions options);
  ~Simulation();

  /// Starts a node at its address; a node that was up before comes back as a new origin.
  void start(NodeIndex node);
  /// Stops it dead: nothing is flushed.
  void kill(NodeIndex node);
  void start_all();
  /// Tells it to stop as SIGTERM would, with no client left; its state becomes `left` within `timeout`.
  void leave(NodeIndex node, Duration timeout);
  /// Its event loop stands still until then, as after SIGSTOP: datagrams and requests wait, in bounded
  /// buffers.
  void pause(NodeIndex node, Instant until);
  bool is_paused(NodeIndex node) const { return nodes_[node].paused_until > now_; }

  /// What DNS lists from now on; every node that is up hears of it at once.
  void list_in_dns(const std::vector<NodeIndex>& nodes);
  /// What DNS tells this node from now on; it hears of it when it asks next, within 5 s.
  void set_dns(NodeIndex node, std::vector<Endpoint> listed) { nodes_[node].dns = std::move(listed); }

  /// Offers one request for `principal` to a node, now. Nothing if the node is down, or paused: then the
  /// request waits.
  std::optional<bool> request(NodeIndex node, std::string_view principal, Hits hits = 1);

  /// Offers `per_second` requests to the node, at random (Poisson) times, until `until`, each of 1 to
  /// `hits_max` hits.
  void load(NodeIndex node, std::string_view principal, double per_second, Instant until, Hits hits_max = 1);

  /// Another rules file at one node, from now on; a restart keeps it.
  void replace_rules(NodeIndex node, RuleSet rules);
  /// Another key file at one node, from now on; a restart keeps it, and a node that stands still reads it
  /// when it goes on. `is_foreign`: keys of nobody else, by mistake.
  void replace_keys(NodeIndex node, const wire::KeyRing& ring, bool is_foreign = false);
  /// It works with foreign keys, or is about to.
  bool is_estranged(NodeIndex node) const { return nodes_[node].is_estranged; }
  /// Every node that is up works with the keys of its file.
  bool keys_are_read() const;

  /// Somebody sets or takes back a live override at a node. False: the node is down or paused, refuses it, or
  /// has none such.
  bool set_live(NodeIndex node, const LiveOverride& what,
                std::optional<WallClock::duration> expires_in = std::nullopt);
  bool clear_live(NodeIndex node, const LiveOverride& subject);
  /// What is wrong with the live overrides of the nodes that are up, if they should agree by now: two that
  /// hold different ones, one that nobody ever set, or one that `known` says and that is lost. Empty if
  /// nothing.
  std::string overrides_disagreement(const LiveTruth::Known& known = {}) const;
  /// What those that are up know together.
  LiveTruth::Known overrides_known() const;
  /// About how many subjects anything was ever said.
  std::size_t override_subjects_count() const { return live_truth_.subjects_count(); }

  /// Calls `action` at `at`.
  void at(Instant at, std::function<void()> action);

  void run_until(Instant until);
  /// Runs until `condition` holds, checked every `poll`; false if `deadline` comes first.
  bool run_until(const std::function<bool()>& condition, Instant deadline,
                 Duration poll = std::chrono::milliseconds(1));

  /// The clock of the simulation and that of a node's wall.
  Instant now() const { return now_; }
  WallTime wall(NodeIndex node) const;
  void set_clock_skew(NodeIndex node, WallClock::duration skew);
  WallClock::duration clock_skew(NodeIndex node) const { return nodes_[node].skew; }

  /// Calls `observer` for whatever a node has to say to people.
  void observe(std::function<void(NodeIndex, const Notice&)> observer) { observer_ = std::move(observer); }

  Network& network() { return network_; }
  Random& random() { return random_; }
  Ledger& ledger() { return ledger_; }
  Reader& reader() { return reader_; }
  bool is_up(NodeIndex node) const { return nodes_[node].engine != nullptr; }
  Engine& engine(NodeIndex node) { return *nodes_[node].engine; }
  std::size_t nodes_count() const { return nodes_.size(); }
  Endpoint heartbeat_endpoint(NodeIndex node) const;

  struct Datagram {
    enum class Nature : std::uint8_t {
      own,      ///< on its way from the node that sent it, perhaps a long and winding one
      copy,     ///< of what a node has sent, to the bit
      made,     ///< by somebody else, or damaged
      crooked,  ///< made with a key, but sealed by another than it says it is from
    };
    Endpoint from;
    NodeIndex to = 0;
    Port port{};
    Nature nature = Nature::own;
    bool from_estranged = false;  ///< its sender had foreign keys
    Instant sent_at;
    std::vector<std::byte> bytes;
  };
  /// Hands raw bytes to a node as if they had come from `from`.
  Result<void> inject(NodeIndex to, const Endpoint& from, Port port, std::span<const std::byte> bytes);
  /// The same, by way of its socket buffer.
  void arrive(NodeIndex to, const Endpoint& from, Port port, std::span<const std::byte> bytes);
  /// What was sent once arrives, now: a copy of it, or the thing itself, late.
  void arrive(const Datagram& sent);
  /// Somebody on the wire.
  class Tap {
   public:
    virtual ~Tap() = default;
    /// A node sends this to another. True: it is taken off the wire.
    virtual bool on_sent(const Datagram& datagram) = 0;
  };
  void add_tap(std::shared_ptr<Tap> tap) { taps_.push_back(std::move(tap)); }
  void remove_tap(const std::shared_ptr<Tap>& tap) { std::erase(taps_, tap); }
  /// An earlier datagram, as it was sent; null if none is remembered. Some are, while `replay` is on.
  const Datagram* remembered();
  const std::vector<Datagram>& history() const { return history_; }
  void forget_datagrams() { history_.clear(); }
  /// Flips bits, cuts short, or grows.
  void damage(std::vector<std::byte>& bytes);

  /// True if all nodes that are up hold the same components of `principal` in the current window.
  bool views_agree(std::string_view principal);

  /// Where the view of a node that is up differs from what a living origin admitted, or from what a dead one
  /// admitted and some other node knows to the end; empty if nowhere. Looked at are all counters whose
  /// windows live on all nodes, began at or after `since`, and have not been passed by anybody's clock
  /// before; of a node that had to refuse something of a counter, nothing is demanded there.
  std::string disagreement(WallTime since = {});
  /// Views compared by the last call that found no disagreement.
  std::uint64_t views_compared() const { return views_compared_; }

  /// The first check that failed; empty while all is well.
  const std::string& failure() const { return failure_; }
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t datagrams_sent() const { return datagrams_sent_; }
  std::uint64_t datagrams_sent(Port port) const { return sent_by_port_[static_cast<std::size_t>(port)]; }
  std::uint64_t checks_count() const { return checks_count_; }
  std::uint64_t requests_count() const { return requests_count_; }
  /// Hits that nodes said they have admitted and counted, by rule and window length.
  const std::map<std::pair<std::string, std::uint32_t>, Hits>& admitted() const { return admitted_; }

 private:
  class Shell;
  struct Waiting {
    std::string principal;
    Hits hits = 0;
  };
  struct Node {
    std::unique_ptr<Engine> engine;
    std::unique_ptr<StrangerAccount> strangers;
    std::uint64_t life = 0;  // events of an earlier life are void
    Instant armed = never;
    WallClock::duration skew{};
    ExpiryClock expiry_clock;  // as its engine has one
    WallTime wall_highest{};   // that its engine may have dropped windows by
    std::vector<Endpoint> dns;
    Instant paused_until{};
    std::vector<std::uint32_t> socket;  // datagrams that wait while it is paused
    std::array<std::size_t, 2> socket_bytes{};
    std::vector<Waiting> waiting;       // requests, likewise
    std::optional<RuleSet> rules;       // nothing: those of the options
    std::optional<wire::KeyRing> keys;  // likewise
    bool keys_are_foreign = false;
    bool is_estranged = false;  // it works with foreign ones, or will
    bool keys_unread = false;   // its engine works with others yet
    std::uint64_t keys_changes = 0;
    // What of it has been sealed and opened here, in this life.
    std::unordered_set<std::uint64_t> opened;
    std::map<std::pair<OriginId, Port>, std::uint64_t> counters_highest;
    Instant dead_looked_for{};
    Instant awake_since{};
  };
  struct Load {
    NodeIndex node = 0;
    std::string principal;
    double per_second = 0;
    Instant until;
    Hits hits_max = 1;
  };

  void run(const Event& event);
  void arm(NodeIndex node);
  void tick(NodeIndex node);
  void resolve(NodeIndex node);
  void resume(NodeIndex node);
  void read_keys(NodeIndex node);
  void send(NodeIndex from, Port via, const Endpoint& to, std::span<const std::byte> bytes);
  void schedule(const Datagram& datagram, Duration delay);
  void remember(const Datagram& datagram);
  Result<void> take_in(const Datagram& datagram);
  Result<void> hand_over(const Datagram& datagram);
  void deliver(std::uint32_t slot);
  void schedule_arrival(std::uint32_t load);
  static Address address_of(NodeIndex node);
  static std::uint16_t port_number(Port port);
  std::optional<NodeIndex> node_at(const Endpoint& endpoint) const;
  /// Notes by which time its engine may have dropped windows; with every tick, as the engine does.
  void see_wall(NodeIndex node);
  void trace(std::uint64_t what);

  // The checkers (checks.cpp).
  void fail_check(const std::string& broken);
  bool may_have_forgotten(NodeIndex node, const Window& window) const;
  void check(NodeIndex node, Ledger::Counter& counter, bool admitted_now);
  /// `shares_` holds what the node believes.
  void check_looked(NodeIndex node, Ledger::Counter& counter, Hits total, bool admitted_now);
  void check_any(NodeIndex node);
  void check_delta(NodeIndex node, std::span<const std::byte> bytes, const Result<void>& outcome);
  void check_sizes(NodeIndex node);
  struct PeerLook {
    OriginId origin;
    std::string_view state;
    std::int64_t heard_ms = 0;
    bool operator==(const PeerLook&) const = default;
  };
  std::vector<PeerLook> look_at_peers(NodeIndex node) const;
  bool was_opened(const Datagram& datagram) const;
  /// Of what is sealed; `sent_before`: datagrams sent so far, `peers_before`: if it was not `own`, or is a
  /// second one.
  void check_sealed(const Datagram& datagram, bool is_second, const Result<void>& outcome,
                    std::uint64_t sent_before, const std::vector<PeerLook>& peers_before);
  void check_unsound(const Datagram& datagram, const Result<void>& outcome, bool has_answered);
  void check_crooked(const Datagram& datagram, const Result<void>& outcome);
  void check_own(const Datagram& datagram, const Result<void>& outcome);
  void check_dead(NodeIndex node);
  void check_derived(NodeIndex node);
  /// No limit of a rule counts one request twice.
  void check_counted_once(const Decision& decision, std::span<const CounterId> decided, Hits hits);
  std::vector<const LiveTable*> live_tables() const;
  bool long_dead(OriginId origin) const;
  std::string disagreement_about(Ledger::Counter& counter);

  SimulationOptions options_;
  Random random_;
  Network network_;
  Ledger ledger_;
  LiveTruth live_truth_;
  Reader reader_;  // for the checkers: they read what the nodes read
  Instant now_ = start_of_time;
  std::vector<Node> nodes_;
  EventQueue events_;
  Slots<Datagram> datagrams_;
  Datagram outgoing_;  // scratch
  Slots<Load> loads_;
  Slots<std::function<void()>> actions_;
  std::vector<Datagram> history_;
  std::vector<std::shared_ptr<Tap>> taps_;
  std::function<void(NodeIndex, const Notice&)> observer_;
  WallTime wall_highest_{};  // that anybody's clock ever showed: by it joins may have been refused
  std::map<OriginId, Instant> died_;
  std::uint64_t lives_count_ = 0;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  std::uint64_t datagrams_sent_ = 0;
  std::array<std::uint64_t, 2> sent_by_port_{};
  std::uint64_t requests_count_ = 0;
  std::map<std::pair<std::string, std::uint32_t>, Hits> admitted_;
  std::uint64_t checks_count_ = 0;
  std::uint64_t views_compared_ = 0;
  std::size_t check_next_ = 0;              // rotates over the ledger's counters
  std::size_t check_first_ = 0;             // those before it have expired everywhere
  std::size_t disagreed_ = 0;               // where the last disagreement was: look there first
  std::uint64_t events_at_once_ = 0;        // at this very instant, without any time passing
  std::vector<CounterView::Share> shares_;  // scratch
  std::string failure_;
};

}  // namespace starling::sim
