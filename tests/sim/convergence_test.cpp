#include <fmt/format.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

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

}  // namespace

TEST_SUITE("sim.convergence") {
  TEST_CASE("after loss, duplication, reordering, cuts, partitions and crashes all views become equal") {
    // STARLING_SEEDS=first:last runs another band.
    std::uint64_t first = 1;
    std::uint64_t last = 150;
    if (const char* band = std::getenv("STARLING_SEEDS"))
      REQUIRE(std::sscanf(band, "%" SCNu64 ":%" SCNu64, &first, &last) == 2);
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
