// Packets: what it costs to take a delta in, to make one from the log, and to seal it.
#include <benchmark/benchmark.h>
#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "crowd.hpp"
#include "gossip/delta_pager.hpp"
#include "starling_generated.h"
#include "wire/opener.hpp"
#include "wire/seal.hpp"
#include "wire/sealer.hpp"

namespace starling::bench {
namespace {

using Packet = std::vector<std::byte>;

constexpr std::uint32_t window_s = 3600;
constexpr std::size_t entries_per_packet = 62;  // as many as a packet carries, by DeltaSize
constexpr std::size_t packets_per_round = 128;
constexpr std::uint32_t fresh_rounds = 150;

RuleSet hourly_rules() {
  RuleSet rules = RuleSet::built_in();
  rules.rules[0].limits = {Limit{.requests = 1'000'000'000, .window_s = window_s}};
  return rules;
}

/// How the receiver stands to the counters of a delta.
enum class Known { shared, of_peers, not_at_all };

struct Setup {
  std::size_t counters = 10'000;
  std::size_t peers = 9;
  std::size_t tellers = 9;  ///< of the peers, who take turns; each has counted for all these counters
  Known known = Known::shared;
  std::uint32_t counters_max = 1'000'000;
};

struct Told {
  std::size_t peer = 0;
  Packet bytes;
};

/// An engine that its peers tell about the same callers. So each counter is as long a list of origins as
/// there are tellers, and its own share comes with it where the callers are shared.
class Receiver {
 public:
  explicit Receiver(const Setup& setup)
      : crowd(Crowd::Options{
            .peers = setup.peers, .rules = hourly_rules(), .engine = {.counters_max = setup.counters_max}}),
        setup_(setup) {
    crowd.settle();
    for (std::size_t i = 0; i < setup.counters; ++i) {
      CounterKey key{random_.next()};
      if (setup.known == Known::shared) {
        crowd.decide(fmt::format("caller-{}", i));
        key = crowd.engine().decided()[0].key;
      }
      keys_.push_back(key);
    }
    for (std::size_t i = 0; i < setup.tellers; ++i)
      tellers_.push_back(Teller{.order = any_order(), .told = 0});
    Stopwatch ignored;
    crowd.pass_s(1, ignored);
    crowd.ack_all(ignored);
    if (setup.known != Known::not_at_all) hear_all();
  }

  /// So many packets, of the tellers in turns.
  std::vector<Told> packets() {
    std::vector<Told> result;
    while (result.size() < packets_per_round) {
      const std::size_t peer = turn_++ % tellers_.size();
      result.push_back(Told{.peer = peer, .bytes = packet(peer, entries_per_packet)});
    }
    return result;
  }

  void take_in(const std::vector<Told>& packets) {
    for (const Told& told : packets)
      STARLING_CHECK(crowd.hand_over(told.peer, Port::sync, told.bytes).has_value());
  }

  Crowd crowd;

 private:
  struct Teller {
    std::vector<std::uint32_t> order;  // of the counters: as the requests came there
    std::size_t told = 0;              // entries
  };

  std::vector<std::uint32_t> any_order() {
    std::vector<std::uint32_t> order(setup_.counters);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    return order;
  }

  /// Each time that it is told of, a counter has one hit more there.
  Packet packet(std::size_t peer, std::size_t entries_count) {
    Teller& teller = tellers_[peer];
    entries_.clear();
    for (std::size_t i = 0; i < entries_count; ++i) {
      const std::size_t at = teller.told++;
      const bool fresh = setup_.known == Known::not_at_all;
      const CounterKey key = fresh ? CounterKey{random_.next()} : keys_[teller.order[at % keys_.size()]];
      entries_.push_back({.window_s = window_s,
                          .window_id = Window::at(Crowd::wall_start, window_s).id,
                          .key = key,
                          .count = fresh ? 1 : 1 + at / keys_.size(),
                          .version = {}});
    }
    return crowd.delta(peer, entries_);
  }

  /// Every teller tells of every counter once.
  void hear_all() {
    for (std::size_t done = 0; done < setup_.counters; done += entries_per_packet)
      for (std::size_t peer = 0; peer < tellers_.size(); ++peer)
        take_in({{peer, packet(peer, std::min(entries_per_packet, setup_.counters - done))}});
    const bool own = setup_.known == Known::shared;
    STARLING_CHECK(crowd.engine().sizes().components == setup_.counters * (tellers_.size() + (own ? 1 : 0)));
  }

  Setup setup_;
  Random random_{3};
  std::vector<CounterKey> keys_;
  std::vector<Teller> tellers_;
  std::vector<wire::DeltaEntry> entries_;
  std::size_t turn_ = 0;
};

void join(benchmark::State& state, const Setup& setup) {
  Receiver receiver(setup);
  for (auto _ : state) {
    const std::vector<Told> packets = receiver.packets();
    Stopwatch time;
    time.begin();
    receiver.take_in(packets);
    time.end();
    state.SetIterationTime(time.total_s());
    Stopwatch ignored;
    receiver.crowd.pass(std::chrono::milliseconds(20), ignored);
  }
  const auto entries = static_cast<std::int64_t>(packets_per_round * entries_per_packet);
  state.SetItemsProcessed(state.iterations() * entries);
  STARLING_CHECK(receiver.crowd.engine().counts().gossip.entries_received >=
                 static_cast<std::uint64_t>(state.iterations() * entries));
}

constexpr Setup told_by_one{.peers = 1, .tellers = 1, .known = Known::of_peers};

/// The floor: as many bytes, copied and held to their format.
void memcpy_verify(benchmark::State& state) {
  const std::vector<Told> packets = Receiver(told_by_one).packets();
  alignas(16) std::array<std::byte, wire::datagram_bytes_max> body;
  for (auto _ : state) {
    Stopwatch time;
    time.begin();
    for (const auto& [peer, packet] : packets) {
      const std::size_t bytes = packet.size() - wire::header_bytes;
      std::memcpy(body.data(), packet.data() + wire::header_bytes, bytes);
      flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(body.data()), bytes, 8, 256);
      STARLING_CHECK(verifier.VerifyBuffer<wire::fb::Delta>(nullptr));
      benchmark::DoNotOptimize(body);
    }
    time.end();
    state.SetIterationTime(time.total_s());
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(packets_per_round * entries_per_packet));
}

/// What the decoder adds to the floor: every field held to its bounds, entries in order.
void decode(benchmark::State& state) {
  const std::vector<Told> packets = Receiver(told_by_one).packets();
  wire::Decoder decoder(KeyedHash("starling").cluster_tag());
  for (auto _ : state) {
    Stopwatch time;
    time.begin();
    for (const auto& [peer, packet] : packets) {
      STARLING_CHECK(decoder.open(packet, Port::sync).has_value());
      const auto delta = decoder.delta();
      STARLING_CHECK(delta.has_value() && (*delta)->entries.size() == entries_per_packet);
    }
    time.end();
    state.SetIterationTime(time.total_s());
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(packets_per_round * entries_per_packet));
}

/// A node's own log, as long as it has callers, and the packets that tell all of it.
struct Teller {
  Random random{5};
  CounterTable counters;
  Guard guard;
  CounterStore store;
  PublishLog log;
  PublishQueue queue;
  PublishLog::Ends ends;
  DeltaPager pager{log, queue, store};
  std::size_t count;

  explicit Teller(std::size_t components)
      : counters(CounterTable::Options{.counters_max = static_cast<std::uint32_t>(components),
                                       .components_max = static_cast<std::uint32_t>(components),
                                       .retention = {}}),
        guard(components),
        store(counters, guard),
        log(components),
        queue(PublishQueue::Options{.components_max = components}, random),
        count(components) {
    const Window window = Window::at(Crowd::wall_start, window_s);
    std::vector<ComponentIndex> published;
    for (std::size_t i = 0; i < components; ++i) {
      const auto component =
          counters.add_own(CounterId{CounterKey{random.next()}, window}, 3, Crowd::wall_start);
      queue.add(*component, 1000, false, Crowd::start_of_time);
      published.push_back(*component);
    }
    for (std::size_t i = published.size(); i > 1; --i)
      std::swap(published[i - 1], published[random.below(i)]);
    for (std::size_t i = 0; i < published.size(); ++i) {
      queue.set_published(published[i], 3);
      log.stamp(ends, published[i], Version{i + 1}, no_component);
    }
  }
};

void encode(benchmark::State& state, std::size_t components) {
  Teller teller(components);
  wire::Encoder encoder(KeyedHash("starling").cluster_tag());
  wire::Delta delta;
  delta.sender = delta.origin = OriginId{1};
  delta.recipient = OriginId{2};
  Version from{};
  ComponentIndex hint = no_component;
  std::size_t entries = 0;
  for (auto _ : state) {
    Stopwatch time;
    time.begin();
    for (std::size_t i = 0; i < packets_per_round; ++i) {
      if (from.value + entries_per_packet > components) {
        from = Version{};
        hint = no_component;
      }
      hint = teller.pager.fill_page(teller.ends, from, Version{components}, hint, delta);
      from = delta.to;
      entries += delta.entries.size();
      benchmark::DoNotOptimize(encoder.encode(delta).data());
    }
    time.end();
    state.SetIterationTime(time.total_s());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(entries));
  state.counters["entries_per_packet"] = static_cast<double>(entries) /
                                         static_cast<double>(state.iterations()) /
                                         static_cast<double>(packets_per_round);
}

wire::KeyRing ring() {
  wire::KeyRing result;
  result.keys.emplace_back();
  for (std::size_t i = 0; i < wire::master_key_bytes; ++i)
    result.keys[0].bytes[i] = static_cast<unsigned char>(i * 7);
  result.plain = wire::PlainPackets::refused;
  return result;
}

/// Seals and opens, and lets libsodium do its part of that alone, in turns: the ratio is what counts.
void seal_open(benchmark::State& state, std::size_t body_bytes) {
  STARLING_CHECK(sodium_init() >= 0);
  constexpr std::string_view cluster = "starling";
  constexpr int packets = 256;
  const Packet body(body_bytes, std::byte{3});
  Packet datagram(wire::header_bytes + wire::seal_bytes + body_bytes);
  Packet out(wire::datagram_bytes_max);
  wire::Sealer sealer(OriginId{1}, cluster, ring());
  wire::Opener opener(cluster, ring());
  std::vector<unsigned char> key(32, 5), nonce(12, 6),
      associated(wire::sealed_header_bytes + cluster.size(), 7);
  std::vector<unsigned char> sealed(body_bytes + wire::tag_bytes), opened(body_bytes);
  const auto* plain = reinterpret_cast<const unsigned char*>(body.data());
  std::vector<double> ratios;
  for (auto _ : state) {
    Stopwatch ours, theirs;
    theirs.begin();
    for (int i = 0; i < packets; ++i) {
      crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plain, body_bytes, associated.data(),
                                                associated.size(), nullptr, nonce.data(), key.data());
      STARLING_CHECK(crypto_aead_chacha20poly1305_ietf_decrypt(
                         opened.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated.data(),
                         associated.size(), nonce.data(), key.data()) == 0);
    }
    theirs.end();
    ours.begin();
    for (int i = 0; i < packets; ++i) {
      sealer.seal(wire::Kind::delta, body, datagram);
      STARLING_CHECK(opener.open(datagram, out, Instant{}).has_value());
    }
    ours.end();
    state.SetIterationTime(ours.total_s());
    ratios.push_back(ours.total_s() / theirs.total_s());
  }
  state.SetItemsProcessed(state.iterations() * packets);
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2),
                   ratios.end());
  state.counters["ratio_to_libsodium"] = ratios[ratios.size() / 2];
}

// N nodes: all others tell, so a counter has N origins.
BENCHMARK_CAPTURE(join, k10, Setup{})->Name("join/delta/10k_counters_10_nodes")->UseManualTime();
BENCHMARK_CAPTURE(join, k10_n3, Setup{.peers = 2, .tellers = 2})
    ->Name("join/delta/10k_counters_3_nodes")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, k10_n100, Setup{.peers = 99, .tellers = 99})
    ->Name("join/delta/10k_counters_100_nodes")
    ->UseManualTime();
// Three nodes' shares are 3,000,000 of the 4,000,000 that a node has room for by default.
BENCHMARK_CAPTURE(join, m1_n3, Setup{.counters = 1'000'000, .peers = 2, .tellers = 2})
    ->Name("join/delta/1M_counters_3_nodes")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, others, Setup{.known = Known::of_peers})
    ->Name("join/delta/10k_counters_of_9_peers_only")
    ->UseManualTime();
// One of the peers has all the callers, so a counter has two origins.
BENCHMARK_CAPTURE(join, one_of_9, Setup{.tellers = 1})
    ->Name("join/delta/10k_counters_told_by_1_of_9")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, one_of_1000, Setup{.peers = 1000, .tellers = 1})
    ->Name("join/delta/10k_counters_told_by_1_of_1000")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, fresh,
                  Setup{.counters = 1,
                        .known = Known::not_at_all,
                        .counters_max = fresh_rounds * packets_per_round * entries_per_packet + 1})
    ->Name("join/delta/new_counters")
    ->UseManualTime()
    ->Iterations(fresh_rounds);
BENCHMARK(memcpy_verify)->Name("memcpy_verify/delta")->UseManualTime();
BENCHMARK(decode)->Name("decode/delta")->UseManualTime();
BENCHMARK_CAPTURE(encode, k10, 10'000)->Name("encode/full_packet/10k_counters")->UseManualTime();
BENCHMARK_CAPTURE(encode, m1, 1'000'000)->Name("encode/full_packet/1M_counters")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b100, 100)->Name("seal_open/100_bytes")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b400, 400)->Name("seal_open/400_bytes")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b1176, 1176)->Name("seal_open/1176_bytes")->UseManualTime();

}  // namespace
}  // namespace starling::bench
