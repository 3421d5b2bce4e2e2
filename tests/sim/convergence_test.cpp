#include <fmt/format.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

#include "support.hpp"

namespace starling::sim {
namespace {

bool converges(Simulation& simulation, std::string_view principal, Duration within) {
  return simulation.run_until([&] { return simulation.views_agree(principal); }, simulation.now() + within);
}

/// Who sees what, for a failure's message.
std::string describe(Simulation& simulation, std::string_view principal) {
  std::string out;
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  for (NodeIndex node = 0; node < simulation.nodes_count(); ++node) {
    if (!simulation.is_up(node)) continue;
    Engine& engine = simulation.engine(node);
    out += fmt::format("node {} origin {:016x} {}:", node, engine.origin().value, name(engine.state()));
    for (const CounterView& view :
         engine.counters(Request{.descriptors = std::span(&descriptor, 1)}, simulation.wall(node)))
      for (const CounterView::Share& share : view.shares)
        out += fmt::format(" {:016x}={}", share.origin.value, share.hits);
    for (const PeerView& peer : engine.peers(simulation.now()))
      out +=
          fmt::format("\n    peer {:016x} at {} {} missing {} unacked {}", peer.origin.value,
                      peer.heartbeat.to_string(), peer.state, peer.missing_versions, peer.unacked_versions);
    out += "\n";
  }
  return out;
}

/// Faults drawn from the seed for ten seconds under load, then peace.
void chaos(std::uint64_t seed, std::uint64_t* trace_hash = nullptr) {
  SimulationOptions options = small_cluster(seed, 3 + seed % 5, 50, 7200);
  Simulation simulation(options);
  settle(simulation);
  Random& random = simulation.random();
  const std::size_t nodes = options.nodes;
  simulation.network().set_options(LinkOptions{.delay = std::chrono::microseconds(200 + random.below(5000)),
                                               .jitter = std::chrono::microseconds(random.below(5000)),
                                               .loss = 0.3 * random.unit(),
                                               .duplication = 0.3 * random.unit(),
                                               .reordering = 0.3 * random.unit()});
  const Instant end = simulation.now() + seconds(10);
  for (NodeIndex node = 0; node < nodes; ++node)
    simulation.load(node, "alice", 1 + static_cast<double>(random.below(20)), end);
  for (int i = 0; i < 6; ++i) {
    const Instant at = simulation.now() + milliseconds(random.below(9000));
    const NodeIndex a = random.below(nodes);
    const NodeIndex b = random.below(nodes);
    switch (random.below(4)) {
      case 0:
        simulation.at(at, [&simulation, a, b] { simulation.network().cut(a, b); });
        break;
      case 1:
        simulation.at(at, [&simulation, nodes, a] {
          std::vector<std::vector<NodeIndex>> groups(2);
          for (NodeIndex node = 0; node < nodes; ++node) groups[node <= a ? 0 : 1].push_back(node);
          simulation.network().partition(groups);
        });
        break;
      case 2:
        simulation.at(at, [&simulation] { simulation.network().heal(); });
        break;
      default:
        simulation.at(at, [&simulation, a] {
          if (simulation.is_up(a)) simulation.kill(a);
        });
        simulation.at(at + milliseconds(200 + random.below(2000)), [&simulation, a] {
          if (!simulation.is_up(a)) simulation.start(a);
        });
    }
  }
  simulation.run_until(end);
  REQUIRE_MESSAGE(simulation.failure().empty(), simulation.failure());

  simulation.network().heal();
  simulation.network().set_options(LinkOptions{});
  for (NodeIndex node = 0; node < nodes; ++node)
    if (!simulation.is_up(node)) simulation.start(node);
  const bool equal = converges(simulation, "alice", seconds(20));
  CHECK_MESSAGE(
      equal, fmt::format("seed {} did not converge\n{}", seed, equal ? "" : describe(simulation, "alice")));
  CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  if (trace_hash != nullptr) *trace_hash = simulation.trace_hash();
}

/// Counts of `node` for every principal whose window it still keeps, against the truth about the origins that
/// live.
std::size_t untrue_views(Simulation& simulation, NodeIndex node) {
  std::map<OriginId, NodeIndex> live;
  for (NodeIndex other = 0; other < simulation.nodes_count(); ++other)
    live[simulation.engine(other).origin()] = other;
  std::size_t untrue = 0;
  for (const auto& [key, truth] : simulation.ledger().entries()) {
    if ((key.window_id + 1) * key.window_s * 1000 <= ms_since_epoch(simulation.wall(node))) continue;
    const Entry entry{.key = "principal", .value = key.principal};
    const Descriptor descriptor{.entries = std::span(&entry, 1)};
    std::map<OriginId, Hits> seen;
    for (const CounterView& view : simulation.engine(node).counters(
             Request{.descriptors = std::span(&descriptor, 1)}, simulation.wall(node)))
      if (view.window_id == key.window_id)
        for (const CounterView::Share& share : view.shares) seen[share.origin] = share.hits;
    for (const auto& [origin, hits] : truth.by_origin)
      untrue += live.contains(origin) && seen[origin] != hits ? 1 : 0;
  }
  return untrue;
}

/// Thousands of counters, so that a packet never holds everything, in windows that end meanwhile.
void crowded_chaos(std::uint64_t seed) {
  constexpr std::array<std::uint32_t, 3> windows{7200, 5, 2};
  constexpr std::uint64_t principals = 2000;
  SimulationOptions options = small_cluster(seed, 3 + seed % 3, 1'000'000, windows[seed % 3]);
  options.engine.counters_max = 20'000;
  options.engine.components_max = 80'000;
  options.check_every_step = false;
  Simulation simulation(options);
  settle(simulation);
  Random& random = simulation.random();
  const std::size_t nodes = options.nodes;
  simulation.network().set_options(LinkOptions{.delay = std::chrono::microseconds(200 + random.below(5000)),
                                               .jitter = std::chrono::microseconds(random.below(5000)),
                                               .loss = 0.4 * random.unit(),
                                               .duplication = 0.3 * random.unit(),
                                               .reordering = 0.3 * random.unit()});
  const auto burst = [&simulation](NodeIndex node, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i)
      simulation.request(node, fmt::format("user-{}", (first + i) % principals));
  };
  for (int i = 0; i < 40; ++i) {
    const NodeIndex node = random.below(nodes);
    simulation.at(simulation.now() + milliseconds(random.below(9900)),
                  [burst, node, first = random.below(principals), count = random.below(600)] {
                    burst(node, first, count);
                  });
  }
  for (int i = 0; i < 6; ++i) {
    const Instant at = simulation.now() + milliseconds(random.below(9000));
    const NodeIndex a = random.below(nodes);
    const NodeIndex b = random.below(nodes);
    if (random.chance(0.5)) {
      simulation.at(at, [&simulation, a, b] { simulation.network().cut(a, b); });
    } else {
      simulation.at(at, [&simulation, a] {
        if (simulation.is_up(a)) simulation.kill(a);
      });
      simulation.at(at + milliseconds(200 + random.below(2000)), [&simulation, a] {
        if (!simulation.is_up(a)) simulation.start(a);
      });
    }
  }
  simulation.run_until(simulation.now() + seconds(10));
  simulation.network().heal();
  simulation.network().set_options(LinkOptions{});
  for (NodeIndex node = 0; node < nodes; ++node)
    if (!simulation.is_up(node)) simulation.start(node);
  for (std::uint64_t i = 0; i < 150; ++i)  // something for the short windows to hold
    simulation.at(simulation.now() + milliseconds(100 * i),
                  [burst, node = i % nodes, i] { burst(node, 20 * i, 20); });
  simulation.run_until(simulation.now() + seconds(15));
  const std::uint64_t sent = simulation.datagrams_sent();
  simulation.run_until(simulation.now() + milliseconds(1700));
  CHECK_MESSAGE(simulation.datagrams_sent() - sent < 800, fmt::format("seed {}: repair does not end", seed));
  for (std::uint64_t i = 0; i < principals; ++i)
    if (!simulation.views_agree(fmt::format("user-{}", i))) {
      FAIL_CHECK(fmt::format("seed {}: user-{} differs", seed, i));
      break;
    }
  for (NodeIndex node = 0; node < nodes; ++node)
    CHECK_MESSAGE(untrue_views(simulation, node) == 0, fmt::format("seed {}: node {} is wrong", seed, node));
}

/// STARLING_SEEDS=first:last runs another band.
std::pair<std::uint64_t, std::uint64_t> seeds(std::uint64_t last) {
  std::uint64_t first = 1;
  if (const char* band = std::getenv("STARLING_SEEDS"))
    REQUIRE(std::sscanf(band, "%" SCNu64 ":%" SCNu64, &first, &last) == 2);
  return {first, last};
}

}  // namespace

TEST_SUITE("sim.convergence") {
  TEST_CASE(
      "the same with thousands of counters, and in windows that end: true, equal, and quiet afterwards") {
    const auto [first, last] = seeds(24);
    for (std::uint64_t seed = first; seed <= last; ++seed) crowded_chaos(seed);
  }

  TEST_CASE("survivors of an origin that died in the middle of a long answer become equal, and then rest") {
    SimulationOptions options = small_cluster(2, 3, 100, 7200);
    options.engine.counters_max = 20'000;
    options.engine.components_max = 80'000;
    Simulation simulation(options);
    settle(simulation);
    for (int i = 0; i < 3000; ++i) simulation.request(0, fmt::format("user-{}", i));
    simulation.network().set_options(LinkOptions{.loss = 0.3});
    REQUIRE(simulation.run_until([&] { return simulation.engine(1).counts().counters_used > 0; },
                                 simulation.now() + seconds(3)));
    simulation.kill(0);
    simulation.run_until(simulation.now() + milliseconds(5));
    REQUIRE(simulation.engine(1).counts().counters_used != simulation.engine(2).counts().counters_used);
    simulation.network().set_options(LinkOptions{});
    simulation.run_until(simulation.now() + seconds(5));
    CHECK(simulation.engine(1).counts().counters_used == simulation.engine(2).counts().counters_used);
    const std::uint64_t sent = simulation.datagrams_sent();
    simulation.run_until(simulation.now() + seconds(1));
    CHECK(simulation.datagrams_sent() - sent < 100);
  }

  TEST_CASE("after loss, duplication, reordering, cuts, partitions and crashes all views become equal") {
    const auto [first, last] = seeds(150);
    for (std::uint64_t seed = first; seed <= last; ++seed) chaos(seed);
  }

  TEST_CASE("a run is repeated bit for bit by its seed") {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::uint64_t other = 0;
    chaos(42, &first);
    chaos(42, &second);
    chaos(43, &other);
    CHECK(first == second);
    CHECK(first != other);
  }

  TEST_CASE("two halves of a partition each hold the limit, and know each other's counts after it heals") {
    Simulation simulation(small_cluster(7, 4, 100, 7200));
    settle(simulation);
    simulation.network().partition(std::vector<std::vector<NodeIndex>>{{0, 1}, {2, 3}});
    const Instant end = simulation.now() + seconds(10);
    for (NodeIndex node = 0; node < 4; ++node) simulation.load(node, "alice", 50, end);
    simulation.run_until(end);
    const Hits left = viewed(simulation, 0, "alice");
    const Hits right = viewed(simulation, 2, "alice");
    CHECK(left >= 100);
    CHECK(left <= 110);
    CHECK(right >= 100);
    CHECK(right <= 110);
    simulation.network().heal();
    CHECK(converges(simulation, "alice", seconds(10)));
    CHECK(viewed(simulation, 0, "alice") == left + right);
    CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  }

  TEST_CASE("nodes whose direct link is cut learn each other's counts through a third") {
    Simulation simulation(small_cluster(8, 3, 1000, 7200));
    settle(simulation);
    simulation.network().cut(0, 1);
    simulation.network().cut(1, 0);
    for (int i = 0; i < 20; ++i) simulation.request(0, "alice");
    CHECK(converges(simulation, "alice", seconds(15)));
    CHECK(viewed(simulation, 1, "alice") == 20);
  }

  TEST_CASE("a link cut in one direction only does not keep counts away") {
    Simulation simulation(small_cluster(9, 3, 1000, 7200));
    settle(simulation);
    simulation.network().cut(0, 1);
    for (int i = 0; i < 20; ++i) simulation.request(0, "alice");
    for (int i = 0; i < 10; ++i) simulation.request(1, "alice");
    CHECK(converges(simulation, "alice", seconds(15)));
    CHECK(viewed(simulation, 1, "alice") == 30);
  }
}

}  // namespace starling::sim
