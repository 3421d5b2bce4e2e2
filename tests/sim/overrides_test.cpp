// Live overrides: they reach everybody, outlive everybody but one, and never contradict each other in the
// end.
#include <fmt/format.h>

#include "support.hpp"

namespace starling::sim {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

LiveOverride limits(std::string rule, Hits requests) {
  LiveOverride what;
  what.rule = std::move(rule);
  what.limits = {Limit{.requests = requests, .window_s = 10}};
  return what;
}

LiveOverride of_user(int user, Hits requests) {
  LiveOverride what = limits("per-principal", requests);
  what.match = {Matcher{
      .key = "principal", .kind = Matcher::Kind::equal, .text = fmt::format("user-{}@example.com", user)}};
  return what;
}

/// The limit that a node holds to be set for this subject; nothing if none.
std::optional<Hits> held(Simulation& simulation, NodeIndex node, const LiveOverride& subject) {
  for (const LiveView& view : simulation.engine(node).live_overrides(simulation.wall(node)))
    if (same_subject(view.what, subject)) return view.what.limits.at(0).requests;
  return std::nullopt;
}

bool all_hold(Simulation& simulation, const LiveOverride& what) {
  for (NodeIndex node = 0; node < simulation.nodes_count(); ++node)
    if (simulation.is_up(node) && held(simulation, node, what) != what.limits.at(0).requests) return false;
  return true;
}

bool await(Simulation& simulation, const std::function<bool()>& condition, Duration within,
           Duration poll = milliseconds(1)) {
  return simulation.run_until(condition, simulation.now() + within, poll);
}

bool is_ready(Simulation& simulation, NodeIndex node) {
  return simulation.engine(node).state() == EngineState::ready;
}

}  // namespace

TEST_SUITE("sim.overrides") {
  TEST_CASE("in a calm network everybody knows within two one-way delays, at a packet each, then silence") {
    Simulation simulation(small_cluster(1, 10, 100, 10));
    settle(simulation);
    REQUIRE(simulation.set_live(3, limits("per-principal", 7)));
    simulation.run_until(simulation.now() + 2 * milliseconds(1));
    CHECK(all_hold(simulation, limits("per-principal", 7)));
    simulation.run_until(simulation.now() + seconds(2));
    std::uint64_t packets = 0;
    for (NodeIndex node = 0; node < 10; ++node)
      packets += simulation.engine(node).counts().sent[static_cast<std::size_t>(Purpose::overrides)].packets;
    CHECK(packets >= 9);
    CHECK(packets <= 9 + 40);  // heartbeats that crossed the news made somebody ask
    CHECK(simulation.overrides_disagreement(simulation.overrides_known()).empty());
  }

  TEST_CASE("at 20 % loss a change reaches all of ten nodes within two heartbeats") {
    int late = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
      SimulationOptions options = small_cluster(seed, 10, 100, 10);
      options.check_every_step = false;
      Simulation simulation(options);
      settle(simulation);
      LinkOptions lossy;
      lossy.loss = 0.2;
      simulation.network().set_options(lossy);
      REQUIRE(simulation.set_live(seed % 10, limits("per-principal", 7)));
      const bool in_time = await(
          simulation, [&] { return all_hold(simulation, limits("per-principal", 7)); }, milliseconds(400));
      late += in_time ? 0 : 1;
      CHECK(await(
          simulation, [&] { return all_hold(simulation, limits("per-principal", 7)); }, seconds(2)));
    }
    CHECK(late <= 1);
  }

  TEST_CASE("they survive all nodes but one, and who joins then has them before it is ready") {
    Simulation simulation(small_cluster(3, 6, 100, 10));
    simulation.list_in_dns({0, 1, 2});
    for (NodeIndex node = 0; node < 3; ++node) simulation.start(node);
    REQUIRE(await(
        simulation, [&] { return is_ready(simulation, 2); }, seconds(5)));
    for (int user = 0; user < 100; ++user) REQUIRE(simulation.set_live(user % 3, of_user(user, 5)));
    simulation.run_until(simulation.now() + milliseconds(500));
    REQUIRE(simulation.clear_live(0, of_user(50, 0)));
    simulation.run_until(simulation.now() + seconds(1));
    const auto known = simulation.overrides_known();
    CHECK(known.size() == 100);
    simulation.kill(0);
    simulation.kill(1);
    simulation.list_in_dns({2, 3, 4});
    for (const NodeIndex newcomer : {3, 4}) {
      simulation.start(newcomer);
      REQUIRE(await(
          simulation, [&] { return is_ready(simulation, newcomer); }, seconds(5)));
      CHECK(simulation.engine(newcomer).live_table().digest() == simulation.engine(2).live_table().digest());
      CHECK(simulation.engine(newcomer).live_overrides(simulation.wall(newcomer)).size() == 99);
    }
    simulation.kill(2);  // nobody who was there when they were set
    simulation.run_until(simulation.now() + seconds(5));
    CHECK(simulation.overrides_disagreement(known).empty());
  }

  TEST_CASE("a rolling restart of all nodes, one by one, keeps them") {
    for (const bool graceful : {true, false}) {
      CAPTURE(graceful);
      Simulation simulation(small_cluster(4, 3, 100, 10));
      settle(simulation);
      for (int user = 0; user < 20; ++user) REQUIRE(simulation.set_live(user % 3, of_user(user, 5)));
      simulation.run_until(simulation.now() + milliseconds(300));
      const auto known = simulation.overrides_known();
      for (NodeIndex node = 0; node < 3; ++node) {
        if (graceful) {
          simulation.leave(node, seconds(5));
          REQUIRE(await(
              simulation, [&] { return simulation.engine(node).state() == EngineState::left; }, seconds(6)));
        }
        simulation.kill(node);
        simulation.run_until(simulation.now() + milliseconds(200));
        simulation.start(node);
        REQUIRE(await(
            simulation, [&] { return is_ready(simulation, node); }, seconds(5)));
      }
      CHECK(simulation.overrides_disagreement(known) == "");
      CHECK(known.size() == 20);
    }
  }

  TEST_CASE("what is set on a node that leaves at once, its news lost, is known to others all the same") {
    Simulation simulation(small_cluster(5, 3, 100, 10));
    settle(simulation);
    for (const NodeIndex other : {1, 2}) simulation.network().cut(0, other);
    REQUIRE(simulation.set_live(0, limits("per-principal", 7)));
    simulation.leave(0, seconds(5));
    simulation.run_until(simulation.now() + milliseconds(300));
    CHECK(simulation.engine(0).state() == EngineState::leaving);
    for (const NodeIndex other : {1, 2}) simulation.network().mend(0, other);
    REQUIRE(await(
        simulation, [&] { return simulation.engine(0).state() == EngineState::left; }, seconds(4)));
    simulation.kill(0);
    simulation.run_until(simulation.now() + seconds(1));
    CHECK(all_hold(simulation, limits("per-principal", 7)));
  }

  TEST_CASE("set on both sides of a partition: the later one holds everywhere, whatever the clocks say") {
    for (const auto& [skew, winner] :
         {std::pair{milliseconds(0), Hits{9}}, {milliseconds(-60'000), Hits{8}}}) {
      Simulation simulation(small_cluster(6, 4, 100, 10));
      settle(simulation);
      REQUIRE(simulation.set_live(0, limits("per-principal", 1)));
      simulation.run_until(simulation.now() + seconds(1));
      simulation.set_clock_skew(3, skew);
      // Though it is a minute behind: it knows what it changes.
      REQUIRE(simulation.set_live(3, limits("per-principal", 2)));
      simulation.run_until(simulation.now() + seconds(1));
      CHECK(all_hold(simulation, limits("per-principal", 2)));

      simulation.network().partition(std::vector<std::vector<NodeIndex>>{{0, 1}, {2, 3}});
      simulation.run_until(simulation.now() + seconds(1));
      REQUIRE(simulation.set_live(2, of_user(1, 5)));
      simulation.run_until(simulation.now() + seconds(1));
      REQUIRE(simulation.set_live(1, limits("per-principal", 8)));
      simulation.run_until(simulation.now() + seconds(1));
      // Neither knows of the other: the wall clocks decide.
      REQUIRE(simulation.set_live(3, limits("per-principal", 9)));
      simulation.run_until(simulation.now() + seconds(10));
      const auto known = simulation.overrides_known();
      simulation.network().heal();
      REQUIRE(await(
          simulation, [&] { return simulation.overrides_disagreement(known).empty(); }, seconds(10)));
      CHECK(all_hold(simulation, limits("per-principal", winner)));
      CHECK(all_hold(simulation, of_user(1, 5)));
    }
  }

  TEST_CASE("what was deleted does not come back from a node that was cut off, nor what has expired") {
    Simulation simulation(small_cluster(7, 3, 100, 10));
    settle(simulation);
    REQUIRE(simulation.set_live(0, of_user(1, 5)));
    REQUIRE(simulation.set_live(0, of_user(2, 5)));
    simulation.run_until(simulation.now() + seconds(1));
    simulation.network().partition(std::vector<std::vector<NodeIndex>>{{0, 1}, {2}});
    REQUIRE(simulation.clear_live(1, of_user(1, 0)));
    REQUIRE(simulation.set_live(1, of_user(2, 6), milliseconds(2000)));
    simulation.run_until(simulation.now() + seconds(90));  // dead, and forgotten
    CHECK(held(simulation, 2, of_user(1, 0)) == 5);
    CHECK(held(simulation, 2, of_user(2, 0)) == 5);
    CHECK(held(simulation, 0, of_user(2, 0)) == std::nullopt);
    simulation.network().heal();
    simulation.run_until(simulation.now() + seconds(10));
    for (NodeIndex node = 0; node < 3; ++node)
      CHECK(simulation.engine(node).live_overrides(simulation.wall(node)).empty());
    CHECK(simulation.overrides_disagreement(simulation.overrides_known()).empty());
  }

  TEST_CASE("an override expires on every node by itself, and is told once") {
    Simulation simulation(small_cluster(8, 3, 100, 10));
    std::array<int, 3> told{};
    simulation.observe([&](NodeIndex node, const Notice& notice) {
      told[node] += notice.kind == Notice::Kind::override_expired ? 1 : 0;
    });
    settle(simulation);
    REQUIRE(simulation.set_live(0, of_user(1, 5), milliseconds(3000)));
    const Instant set_at = simulation.now();
    simulation.run_until(set_at + milliseconds(2990));
    CHECK(all_hold(simulation, of_user(1, 5)));
    simulation.network().partition(std::vector<std::vector<NodeIndex>>{{0}, {1}, {2}});
    simulation.run_until(set_at + milliseconds(3001));
    for (NodeIndex node = 0; node < 3; ++node) CHECK(held(simulation, node, of_user(1, 0)) == std::nullopt);
    simulation.run_until(set_at + seconds(10));
    CHECK(told == std::array{1, 1, 1});
  }

  TEST_CASE("ten thousand reach a joiner before it is ready, and cost what they weigh") {
    SimulationOptions options = small_cluster(9, 3, 100, 10);
    options.check_every_step = false;
    Simulation simulation(options);
    simulation.list_in_dns({0, 1});
    simulation.start(0);
    simulation.start(1);
    REQUIRE(await(
        simulation, [&] { return is_ready(simulation, 1); }, seconds(5)));
    std::size_t weight = 0;
    for (int user = 0; user < 10'000; ++user) REQUIRE(simulation.set_live(user % 2, of_user(user, 5)));
    REQUIRE(await(
        simulation, [&] { return simulation.overrides_disagreement().empty(); }, seconds(20),
        milliseconds(50)));
    simulation.engine(0).live_table().visit_after(0, [&](LiveTable::Place, const LiveEntry& entry) {
      weight += wire::override_bytes(to_wire(entry));
      return true;
    });
    CHECK_FALSE(simulation.set_live(0, of_user(10'000, 5)));  // no room
    const auto sent_bytes = [&] {
      std::uint64_t bytes = 0;
      for (const NodeIndex node : {0, 1})
        bytes += simulation.engine(node).counts().sent[static_cast<std::size_t>(Purpose::overrides)].bytes;
      return bytes;
    };
    const std::uint64_t before = sent_bytes();
    const Instant started = simulation.now();
    simulation.list_in_dns({0, 1, 2});
    simulation.start(2);
    REQUIRE(await(
        simulation, [&] { return is_ready(simulation, 2); }, seconds(5)));
    MESSAGE("a joiner of 10,000 overrides is ready after " << (simulation.now() - started) / milliseconds(1)
                                                           << " ms, " << (sent_bytes() - before) / 1024
                                                           << " KiB were sent to it");
    CHECK(simulation.now() - started < seconds(2));  // by what it was told, not by the timeout
    CHECK(simulation.engine(2).live_table().digest() == simulation.engine(0).live_table().digest());
    CHECK(sent_bytes() - before < weight);  // an upper bound of each, once
  }

  TEST_CASE(
      "a clock days ahead, and then right again, leaves nothing that others do not know or cannot change") {
    Simulation simulation(small_cluster(10, 3, 100, 10));
    settle(simulation);
    simulation.set_clock_skew(1, hours(48));
    REQUIRE(simulation.set_live(1, limits("per-principal", 7)));
    REQUIRE(simulation.set_live(0, of_user(1, 5)));
    simulation.run_until(simulation.now() + seconds(5));
    CHECK(held(simulation, 0, limits("per-principal", 0)) == std::nullopt);
    CHECK(simulation.engine(0).counts().live.refused_clock > 0);
    simulation.set_clock_skew(1, milliseconds(0));
    CHECK(await(
        simulation, [&] { return all_hold(simulation, limits("per-principal", 7)); }, seconds(20)));
    REQUIRE(simulation.set_live(2, limits("per-principal", 8)));
    simulation.run_until(simulation.now() + seconds(2));
    CHECK(all_hold(simulation, limits("per-principal", 8)));
    CHECK(all_hold(simulation, of_user(1, 5)));
  }

  TEST_CASE("clocks that step back and forth by hours lose nothing and let nobody win unduly") {
    Simulation simulation(small_cluster(11, 3, 100, 10));
    settle(simulation);
    for (int i = 0; i < 20; ++i) {
      const NodeIndex node = simulation.random().below(3);
      simulation.set_clock_skew(node, hours(static_cast<int>(simulation.random().below(23)) - 11));
      const LiveOverride what = limits("per-principal", 100 + static_cast<Hits>(i));
      REQUIRE(simulation.set_live(simulation.random().below(3), what));
      simulation.run_until(simulation.now() + milliseconds(700));
      REQUIRE(all_hold(simulation, what));  // each knew of the one before
    }
  }

  TEST_CASE("a broken link is bridged by a third node") {
    Simulation simulation(small_cluster(12, 3, 100, 10));
    settle(simulation);
    simulation.network().cut(0, 1);
    simulation.network().cut(1, 0);
    REQUIRE(simulation.set_live(0, limits("per-principal", 7)));
    CHECK(await(
        simulation, [&] { return all_hold(simulation, limits("per-principal", 7)); }, seconds(1)));
  }
}

}  // namespace starling::sim
