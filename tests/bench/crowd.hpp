/// One real engine among peers that are only made up as far as it can tell: they send real heartbeats when
/// theirs are due, echo its clock, ack its deltas and tell it of each other. So what one node costs is
/// measured in a neighborhood of any size, and nothing of what its peers would cost.
///
/// Time goes in steps. What the peers say within a step is written beforehand; then the engine lives through
/// the step, datagrams and its own deadlines in their order, and only that is measured.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/effects.hpp"
#include "base/keyed_hash.hpp"
#include "base/random.hpp"
#include "cpu_time.hpp"
#include "engine/engine.hpp"
#include "wire/codec.hpp"

namespace starling::bench {

class Crowd final : public Effects {
 public:
  static constexpr Instant start_of_time{std::chrono::hours(1)};
  static constexpr WallTime wall_start{std::chrono::milliseconds(1'800'000'000'000)};

  struct Options {
    std::size_t peers = 1;
    RuleSet rules = RuleSet::built_in();
    EngineOptions engine = {};
  };
  explicit Crowd(Options options);

  /// Lets all know each other.
  void settle();
  /// Lives through `step`; what the engine did is added to `engine_time`.
  void pass(Duration step, Stopwatch& engine_time);
  void pass_s(int seconds, Stopwatch& engine_time);
  /// Lives on until the slow clock has told what waited for it. Only the tick that does so is added to
  /// `beat_time`: with many peers a heartbeat is due in nearly every step, too.
  void pass_beat(Stopwatch& beat_time);

  /// The engine's deadlines until now, without time passing.
  void tick(Stopwatch& engine_time);
  /// Peers that got a delta since the last step ack it at once. Returns how many did.
  std::size_t ack_all(Stopwatch& engine_time);

  Decision decide(std::string_view principal, Hits hits = 1);
  /// A delta of peer `index` about its own counts: the packet, ready to be handed over.
  std::vector<std::byte> delta(std::size_t index, const std::vector<wire::DeltaEntry>& entries);
  Result<void> hand_over(std::size_t index, Port port, std::span<const std::byte> bytes);

  Engine& engine() { return *engine_; }
  const Engine& engine() const { return *engine_; }
  Instant now() const { return now_; }
  WallTime wall() const {
    return wall_start + std::chrono::duration_cast<WallClock::duration>(now_ - start_of_time);
  }
  std::size_t peers_count() const { return peers_.size(); }
  std::uint64_t datagrams_sent() const { return datagrams_sent_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override;
  void notify(const Notice&) override {}

 private:
  struct Peer {
    OriginId origin;
    std::string name;
    Address address;
    Instant next_heartbeat;
    Version version;  // of its own counts
    Version ack;      // of the engine's
    bool owes_ack = false;
    std::uint64_t heard_sent_ns = 0;
    Instant heard_at;
  };
  struct Arrival {
    Instant at;
    std::size_t peer = 0;
    std::vector<std::byte> bytes;
  };
  struct Sent {
    Port via;
    std::size_t peer = 0;
    std::vector<std::byte> bytes;
  };

  static Address address_of(std::size_t index);
  Endpoint endpoint(std::size_t index, Port port) const;
  void live_through(Duration step, Stopwatch& engine_time, Stopwatch* beat_time);
  void on_deadline(Stopwatch* beat_time);
  void read_sent();
  void list_holdings(wire::Heartbeat& out);
  std::vector<std::byte> heartbeat(Peer& peer, Instant at);
  Duration interval() const;

  Random random_{7};
  std::uint64_t cluster_tag_;
  wire::Encoder encoder_;
  wire::Decoder decoder_;
  std::unique_ptr<Engine> engine_;
  std::vector<Peer> peers_;
  std::vector<Endpoint> listed_;
  std::vector<Sent> sent_;
  std::size_t sent_count_ = 0;  // places of `sent_` in use
  std::vector<Arrival> arrivals_;
  Instant now_ = start_of_time;
  Instant next_resolve_ = start_of_time;
  std::uint64_t datagrams_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace starling::bench
