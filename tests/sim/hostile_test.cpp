// Somebody on the wire between sealed nodes, in scenes too rare to be drawn. All else: chaos_test.cpp.
#include <doctest/doctest.h>

#include <deque>

#include "sim/key_changes.hpp"
#include "sim/simulation.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Takes what node 1 sends to node 0's `port` off the wire, and keeps it.
class Hoarder final : public Simulation::Tap {
 public:
  explicit Hoarder(const Simulation& simulation, Port port)
      : from_(simulation.heartbeat_endpoint(1).address), port_(port) {}
  bool on_sent(const Simulation::Datagram& datagram) override {
    if (datagram.to != 0 || datagram.port != port_ || datagram.from.address != from_) return false;
    hoard.push_back(datagram);
    return true;
  }
  std::deque<Simulation::Datagram> hoard;

 private:
  Address from_;
  Port port_;
};

bool is_live(Simulation& simulation, OriginId origin) {
  for (const PeerView& peer : simulation.engine(0).peers(simulation.now()))
    if (peer.origin == origin) return peer.state == "alive" || peer.state == "suspect";
  return false;
}

/// For how long node 0 takes node 1 for alive after its death, if what was hoarded before comes now and then.
Duration dead_lives_on(Port port, Duration hoarded) {
  Random random(7);
  SimulationOptions options;
  options.seed = 7;
  options.engine.keys = {.keys = {draw_key(random)}, .plain = wire::PlainPackets::refused};
  options.keys_are_secret = true;
  Simulation simulation(options);
  simulation.start_all();
  simulation.run_until(simulation.now() + seconds(2));
  const auto hoarder = std::make_shared<Hoarder>(simulation, port);
  simulation.add_tap(hoarder);
  const Instant death = simulation.now() + hoarded;
  simulation.load(1, "somebody", 20, death);
  simulation.run_until(death);
  const OriginId origin = simulation.engine(1).origin();
  CHECK(is_live(simulation, origin));
  simulation.kill(1);
  REQUIRE(hoarder->hoard.size() > 35);  // enough for 17 s
  while (is_live(simulation, origin) && !hoarder->hoard.empty() && simulation.now() - death < seconds(30)) {
    simulation.arrive(hoarder->hoard.front());
    hoarder->hoard.pop_front();
    simulation.run_until(simulation.now() + milliseconds(500));
  }
  // The check of the dead, at 15 s, ends a run, too.
  CHECK_MESSAGE(simulation.failure().empty(), simulation.failure());
  return simulation.now() - death;
}

}  // namespace

TEST_SUITE("sim.hostile") {
  // Deltas go through meanwhile: of heartbeats that were hoarded, only those newer than all that came count.
  TEST_CASE("heartbeats that somebody has held back do not keep a dead node alive") {
    CHECK(dead_lives_on(Port::heartbeat, seconds(9)) < seconds(14));
  }

  TEST_CASE("deltas that somebody has held back do not keep a dead node alive") {
    CHECK(dead_lives_on(Port::sync, seconds(30)) < seconds(14));
  }
}

}  // namespace starling::sim
