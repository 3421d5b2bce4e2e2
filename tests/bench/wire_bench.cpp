// Packets: what it costs to take a delta in, to make one from the log, and to seal it.
#include <benchmark/benchmark.h>
#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
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

/// An engine that `peers` others tell about the same callers.
struct Receiver {
  Crowd crowd;
  std::vector<wire::DeltaEntry> counters;
  Random random{3};
  std::size_t next = 0;

  Receiver(std::size_t counters_count, std::size_t peers, Known known, std::uint32_t counters_max = 0)
      : crowd(Crowd::Options{.peers = peers,
                             .rules = hourly_rules(),
                             .engine = {.counters_max = std::max(1'000'000U, counters_max)}}) {
    crowd.settle();
    for (std::size_t i = 0; i < counters_count; ++i) {
      CounterKey key{random.next()};
      WindowId window = Window::at(crowd.wall(), window_s).id;
      if (known == Known::shared) {
        crowd.decide(fmt::format("caller-{}", i));
        key = crowd.engine().decided()[0].key;
      }
      counters.push_back({.window_s = window_s, .window_id = window, .key = key, .count = 0, .version = {}});
    }
    // In an order of their own, as the requests came there.
    for (std::size_t i = counters.size(); i > 1; --i) std::swap(counters[i - 1], counters[random.below(i)]);
    Stopwatch ignored;
    crowd.pass_s(1, ignored);
    crowd.ack_all(ignored);
  }

  std::vector<Packet> packets(Known known) {
    std::vector<Packet> result;
    std::vector<wire::DeltaEntry> entries;
    while (result.size() < packets_per_round) {
      entries.clear();
      while (entries.size() < entries_per_packet) {
        if (known == Known::not_at_all) {
          wire::DeltaEntry entry = counters[0];
          entry.key = CounterKey{random.next()};
          entry.count = 1;
          entries.push_back(entry);
          continue;
        }
        wire::DeltaEntry& entry = counters[next++ % counters.size()];
        ++entry.count;
        entries.push_back(entry);
      }
      result.push_back(crowd.delta(0, entries));
    }
    return result;
  }
};

void join(benchmark::State& state, std::size_t counters, std::size_t peers, Known known) {
  constexpr std::uint32_t fresh_max = fresh_rounds * packets_per_round * entries_per_packet;
  Receiver receiver(counters, peers, known, known == Known::not_at_all ? fresh_max + 1 : 0);
  if (known != Known::not_at_all)
    for (std::size_t done = 0; done < counters; done += packets_per_round * entries_per_packet)
      for (const Packet& packet : receiver.packets(known)) {
        STARLING_CHECK(receiver.crowd.hand_over(0, Port::sync, packet).has_value());
      }
  for (auto _ : state) {
    const std::vector<Packet> packets = receiver.packets(known);
    Stopwatch time;
    time.begin();
    for (const Packet& packet : packets)
      STARLING_CHECK(receiver.crowd.hand_over(0, Port::sync, packet).has_value());
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

/// The floor: the same bytes, copied and held to their format.
void memcpy_verify(benchmark::State& state) {
  Receiver receiver(10'000, 1, Known::of_peers);
  const std::vector<Packet> packets = receiver.packets(Known::of_peers);
  alignas(16) std::array<std::byte, wire::datagram_bytes_max> body;
  for (auto _ : state) {
    Stopwatch time;
    time.begin();
    for (const Packet& packet : packets) {
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
  Receiver receiver(10'000, 1, Known::of_peers);
  const std::vector<Packet> packets = receiver.packets(Known::of_peers);
  wire::Decoder decoder(KeyedHash("starling").cluster_tag());
  for (auto _ : state) {
    Stopwatch time;
    time.begin();
    for (const Packet& packet : packets) {
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

BENCHMARK_CAPTURE(join, k10, 10'000, 9, Known::shared)->Name("join/delta/10k_counters")->UseManualTime();
BENCHMARK_CAPTURE(join, m1, 1'000'000, 9, Known::shared)->Name("join/delta/1M_counters")->UseManualTime();
BENCHMARK_CAPTURE(join, others, 10'000, 9, Known::of_peers)
    ->Name("join/delta/10k_counters_of_peers")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, fresh, 1, 9, Known::not_at_all)
    ->Name("join/delta/new_counters")
    ->UseManualTime()
    ->Iterations(fresh_rounds);
BENCHMARK_CAPTURE(join, p100, 10'000, 100, Known::shared)
    ->Name("join/delta/10k_counters_100_peers")
    ->UseManualTime();
BENCHMARK_CAPTURE(join, p1000, 10'000, 1000, Known::shared)
    ->Name("join/delta/10k_counters_1000_peers")
    ->UseManualTime();
BENCHMARK(memcpy_verify)->Name("memcpy_verify/delta")->UseManualTime();
BENCHMARK(decode)->Name("decode/delta")->UseManualTime();
BENCHMARK_CAPTURE(encode, k10, 10'000)->Name("encode/full_packet/10k_counters")->UseManualTime();
BENCHMARK_CAPTURE(encode, m1, 1'000'000)->Name("encode/full_packet/1M_counters")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b100, 100)->Name("seal_open/100_bytes")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b400, 400)->Name("seal_open/400_bytes")->UseManualTime();
BENCHMARK_CAPTURE(seal_open, b1176, 1176)->Name("seal_open/1176_bytes")->UseManualTime();

}  // namespace
}  // namespace starling::bench
