#include <fmt/format.h>

#include "support.hpp"

namespace starling::sim {
namespace {

bool converges(Simulation& simulation, std::string_view principal, Duration within) {
  return simulation.run_until([&] { return simulation.views_agree(principal); }, simulation.now() + within);
}

}  // namespace

TEST_SUITE("sim.convergence") {
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
