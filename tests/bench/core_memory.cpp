// Resident memory of a live counter that three nodes counted in: here, and in the deltas of two others.
#include <benchmark/benchmark.h>

#include "base/check.hpp"
#include "core_world.hpp"
#include "wire/codec.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t entries_per_delta = 64;

/// A delta of `origin` with what it counted in the counters of `ids`, by versions from `from` on.
void tell(World& world, wire::Encoder& encoder, OriginId origin, std::uint64_t from,
          std::span<const CounterId> ids) {
  wire::Delta delta{.sender = origin,
                    .origin = origin,
                    .from = Version{from},
                    .to = Version{from + ids.size()},
                    .recipient = world.engine.origin(),
                    .ack = {},
                    .entries = {}};
  for (const CounterId& id : ids)
    delta.entries.push_back({.window_s = id.window.length_s,
                             .window_id = id.window.id,
                             .key = id.key,
                             .count = 1 + from % 100,
                             .version = Version{from + delta.entries.size() + 1}});
  const Endpoint peer{.address = Address::v4(127, 0, 0, 2), .port = 4290};
  STARLING_CHECK(
      world.engine.on_datagram(peer, Port::sync, encoder.encode(delta), world.now, world.wall, world.sink));
}

void per_counter(benchmark::State& state) {
  const auto counters = static_cast<std::size_t>(state.range(0));
  const auto origins = static_cast<std::size_t>(state.range(1));
  double empty = 0;
  double full = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(counters))) {
    EngineOptions options = engine_options(static_cast<std::uint32_t>(counters));
    options.has_neighborhood = true;
    options.components_max = static_cast<std::uint32_t>(counters * origins);
    World world(std::move(options), one_rule());
    wire::Encoder encoder(KeyedHash("starling").cluster_tag());
    std::vector<CounterId> ids;
    ids.reserve(entries_per_delta);
    empty = static_cast<double>(resident_bytes());
    for (std::size_t i = 0; i < counters;) {
      const std::size_t from = i;
      ids.clear();
      for (; i < counters && ids.size() < entries_per_delta; ++i) {
        STARLING_CHECK(world.ask(CallerText(i).view()));
        ids.push_back(world.engine.decided().front());
      }
      for (std::size_t origin = 1; origin < origins; ++origin)
        tell(world, encoder, OriginId{origin}, from, ids);
      world.turn();
    }
    for (int i = 0; i < 200'000; ++i) world.turn();  // six seconds: all is published, the late ones too
    full = static_cast<double>(resident_bytes());
    STARLING_CHECK(world.engine.sizes().counters == counters);
    STARLING_CHECK(world.engine.sizes().components == origins * counters);
  }
  state.counters["bytes_per_counter"] = (full - empty) / static_cast<double>(counters);
}

}  // namespace

void register_memory() {
  for (const std::int64_t origins : {1, 3, 10})
    benchmark::RegisterBenchmark("memory/counters_origins", per_counter)->Args({1'000'000, origins});
}

}  // namespace starling::bench
