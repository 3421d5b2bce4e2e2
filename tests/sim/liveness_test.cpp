// How soon the dead are known, and that nobody else is taken for dead.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "support.hpp"

namespace starling::sim {
namespace {

/// A cluster that only sends heartbeats; checks of counts would cost more than all else.
SimulationOptions quiet_cluster(std::uint64_t seed, std::size_t nodes) {
  SimulationOptions options = small_cluster(seed, nodes, 100, 7200);
  options.engine.counters_max = 10;
  options.engine.components_max = 10;
  options.check_every_step = false;
  return options;
}

/// Counts, from now on, how often a node took another for suspect, and for dead.
struct Verdicts {
  std::size_t suspected = 0;
  std::size_t dead = 0;
  Instant last_dead;

  explicit Verdicts(Simulation& simulation) {
    simulation.observe([this, &simulation](NodeIndex, const Notice& notice) {
      suspected += notice.kind == Notice::Kind::peer_suspect ? 1 : 0;
      if (notice.kind != Notice::Kind::peer_dead) return;
      ++dead;
      last_dead = simulation.now();
    });
  }
};

/// From the kill of a node, at a moment drawn from the seed, to the verdict of its last survivor, in ms.
std::int64_t detection_ms(std::uint64_t seed, std::size_t nodes, double loss) {
  Simulation simulation(quiet_cluster(seed, nodes));
  settle(simulation);
  simulation.network().set_options(LinkOptions{.jitter = milliseconds(1), .loss = loss});
  simulation.run_until(simulation.now() + milliseconds(3000 + simulation.random().below(1000)));
  Verdicts verdicts(simulation);
  const Instant killed = simulation.now();
  simulation.kill(nodes / 2);
  simulation.run_until(killed + seconds(8));
  CHECK_MESSAGE(verdicts.dead == nodes - 1, fmt::format("seed {}: {} verdicts", seed, verdicts.dead));
  return std::chrono::duration_cast<milliseconds>(verdicts.last_dead - killed).count();
}

/// Verdicts in `duration` although nobody dies.
Verdicts lossy(std::uint64_t seed, std::size_t nodes, double loss, Duration duration) {
  Simulation simulation(quiet_cluster(seed, nodes));
  settle(simulation);
  simulation.network().set_options(LinkOptions{.jitter = milliseconds(1), .loss = loss});
  Verdicts verdicts(simulation);
  simulation.run_until(simulation.now() + duration);
  return verdicts;
}

/// STARLING_LIVENESS="nodes loss_pct virtual_seconds seeds" runs and prints another band of `lossy`.
void print_band(const char* band) {
  unsigned nodes = 0, loss_pct = 0, duration_s = 0, seeds = 0;
  REQUIRE(std::sscanf(band, "%u %u %u %u", &nodes, &loss_pct, &duration_s, &seeds) == 4);
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    const Verdicts verdicts = lossy(seed, nodes, loss_pct / 100.0, seconds(duration_s));
    fmt::print("seed {}: {} suspected, {} dead\n", seed, verdicts.suspected, verdicts.dead);
    fmt::print("seed {}: killed, known to all after {} ms\n", seed,
               detection_ms(seed, nodes, loss_pct / 100.0));
    std::fflush(stdout);
  }
}

}  // namespace

TEST_SUITE("sim.liveness") {
  TEST_CASE("a band of one's own" * doctest::skip(std::getenv("STARLING_LIVENESS") == nullptr)) {
    print_band(std::getenv("STARLING_LIVENESS"));
  }

  TEST_CASE("a node killed among a hundred is known to be dead everywhere within 4.6 s, at 20 % loss too") {
    CHECK(detection_ms(1, 100, 0) <= 4600);
    CHECK(detection_ms(2, 100, 0.2) <= 4600);
  }

  TEST_CASE("below fifty nodes within 3 s, and within 4.6 s at the size at which the interval changes") {
    for (const std::size_t nodes : {2, 3, 10, 25, 49}) CHECK(detection_ms(nodes, nodes, 0.2) <= 3000);
    for (const std::size_t nodes : {50, 51, 52}) CHECK(detection_ms(nodes, nodes, 0.2) <= 4600);
  }

  TEST_CASE("at 20 % loss none of a hundred nodes is taken for dead in a minute") {
    const Verdicts verdicts = lossy(3, 100, 0.2, seconds(60));
    CHECK(verdicts.suspected > 1000);
    CHECK(verdicts.dead == 0);
  }

  TEST_CASE("at 30 % loss none of ten nodes is taken for dead in ten minutes") {
    const Verdicts verdicts = lossy(4, 10, 0.3, seconds(600));
    CHECK(verdicts.suspected > 1000);
    CHECK(verdicts.dead == 0);
  }

  TEST_CASE(
      "nodes that come and go across the size at which the interval changes bring nobody into discredit") {
    Simulation simulation(quiet_cluster(5, 52));
    settle(simulation);
    simulation.network().set_options(LinkOptions{.jitter = milliseconds(1), .loss = 0.2});
    Verdicts verdicts(simulation);
    for (int round = 0; round < 3; ++round) {
      for (const NodeIndex node : {49, 50, 51}) simulation.leave(node, seconds(1));
      simulation.run_until(simulation.now() + seconds(8));
      for (const NodeIndex node : {49, 50, 51}) {
        simulation.kill(node);
        simulation.start(node);
      }
      simulation.run_until(simulation.now() + seconds(8));
    }
    // A goodbye that was lost twice leaves a silence; among those that stayed there is none.
    std::size_t wrong = 0;
    for (NodeIndex node = 0; node < 49; ++node) {
      CHECK(simulation.engine(node).counts().nodes_count == 52);
      for (const PeerView& peer : simulation.engine(node).peers(simulation.now()))
        wrong += peer.state == "dead" && peer.heartbeat < simulation.heartbeat_endpoint(49) ? 1 : 0;
    }
    CHECK(wrong == 0);
  }

  TEST_CASE("a peer behind a broken link is suspected, and lives as long as others hear it") {
    for (const bool one_way : {false, true}) {
      Simulation simulation(quiet_cluster(6, 6));
      settle(simulation);
      simulation.network().set_options(LinkOptions{.loss = 0.1});
      Verdicts verdicts(simulation);
      simulation.network().cut(0, 1);
      if (!one_way) simulation.network().cut(1, 0);
      simulation.run_until(simulation.now() + seconds(60));
      CHECK(verdicts.dead == 0);
      for (NodeIndex node = 0; node < 6; ++node) CHECK(simulation.engine(node).counts().nodes_count == 6);
      // Node 1 hears nothing of node 0; node 0 hears node 1 if the link is broken one way only.
      const auto state_seen = [&](NodeIndex of, NodeIndex by) {
        for (const PeerView& peer : simulation.engine(by).peers(simulation.now()))
          if (peer.heartbeat == simulation.heartbeat_endpoint(of)) return peer.state;
        return std::string_view("unknown");
      };
      CHECK(state_seen(0, 1) == "suspect");
      CHECK(state_seen(1, 2) != "dead");
      if (!one_way) CHECK(state_seen(1, 0) == "suspect");
      // What others say of it is the truth: when it dies, this is known as soon as anywhere.
      const Instant killed = simulation.now();
      simulation.kill(0);
      simulation.run_until(killed + seconds(4));
      CHECK(verdicts.dead == 5);
      CHECK(verdicts.last_dead - killed <= milliseconds(3000));
    }
  }

  TEST_CASE("one witness is enough to hold a broken link at 20 % loss for ten minutes") {
    Simulation simulation(quiet_cluster(9, 3));
    settle(simulation);
    simulation.network().set_options(LinkOptions{.loss = 0.2});
    simulation.network().cut(0, 1);
    simulation.network().cut(1, 0);
    Verdicts verdicts(simulation);
    simulation.run_until(simulation.now() + seconds(600));
    CHECK(verdicts.dead == 0);
  }

  TEST_CASE("halves of a partition give each other up within 5 s, since nobody left hears the others") {
    constexpr std::size_t half = 30;
    Simulation simulation(quiet_cluster(7, 2 * half));
    settle(simulation);
    simulation.run_until(simulation.now() + seconds(3));
    std::vector<std::vector<NodeIndex>> halves(2);
    for (NodeIndex node = 0; node < 2 * half; ++node) halves[node % 2].push_back(node);
    Verdicts verdicts(simulation);
    const Instant cut = simulation.now();
    simulation.network().partition(halves);
    simulation.run_until(cut + seconds(8));
    CHECK(verdicts.dead == 2 * half * half);
    CHECK(verdicts.last_dead - cut <= seconds(5));
    simulation.network().heal();
    CHECK(simulation.run_until([&] { return simulation.engine(0).counts().nodes_count == 2 * half; },
                               simulation.now() + seconds(15)));
  }

  TEST_CASE("asking costs nothing while all is well, and nobody is asked about the dead") {
    Simulation simulation(quiet_cluster(8, 10));
    settle(simulation);
    const auto sent = [&](Duration duration) {
      const std::uint64_t before = simulation.datagrams_sent();
      simulation.run_until(simulation.now() + duration);
      return simulation.datagrams_sent() - before;
    };
    const std::uint64_t calm = sent(seconds(10));
    CHECK(calm <= 10 * 9 * 10 * 5 * 11 / 10);  // heartbeats every 200 ms, and no more
    simulation.kill(9);
    simulation.run_until(simulation.now() + seconds(4));
    CHECK(sent(seconds(10)) < calm);
  }
}

}  // namespace starling::sim
