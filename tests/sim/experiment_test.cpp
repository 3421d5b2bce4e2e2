#include "sim/experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Ten nodes, 1000 per second, ten times that offered; few windows.
ExperimentOptions ten_nodes(double load = 10) {
  return ExperimentOptions{.load = load, .windows = 5};
}

ExperimentResult run(const ExperimentOptions& options) {
  return Experiment(options).run();
}

}  // namespace

TEST_SUITE("sim.arrivals") {
  TEST_CASE("requests come at the rate asked for, in order, and at the nodes by their weights") {
    Arrivals::Options options{.nodes = 4, .per_second = 10'000, .begin = Instant(seconds(5)), .seed = 3};
    for (const Spread spread : {Spread::even, Spread::zipf, Spread::one_node, Spread::burst}) {
      CAPTURE(static_cast<int>(spread));
      options.spread = spread;
      options.window = seconds(1);
      Arrivals arrivals(options);
      std::vector<double> share(4);
      Instant before = options.begin;
      std::uint64_t count = 0;
      std::uint64_t in_first_tenth = 0;
      for (Arrivals::Arrival next = arrivals.next(); next.at < options.begin + seconds(3);
           next = arrivals.next()) {
        CHECK(next.at >= before);
        before = next.at;
        share[next.node] += 1;
        ++count;
        in_first_tenth += (next.at - options.begin) % seconds(1) < milliseconds(100) ? 1 : 0;
      }
      CHECK(count > 29'300);
      CHECK(count < 30'700);
      CHECK((in_first_tenth == count) == (spread == Spread::burst));
      const double first = share[0] / static_cast<double>(count);
      const double expected = spread == Spread::one_node ? 1.0 : spread == Spread::zipf ? 0.48 : 0.25;
      CHECK(first == doctest::Approx(expected).epsilon(0.05));
    }
  }

  TEST_CASE("no load: no request ever") {
    Arrivals arrivals(Arrivals::Options{.nodes = 1, .per_second = 0});
    CHECK(arrivals.next().at == never);
  }
}

TEST_SUITE("sim.experiment") {
  TEST_CASE("the same seed gives the same result, another seed another one") {
    ExperimentOptions options = ten_nodes();
    options.link.loss = 0.02;
    const ExperimentResult first = run(options);
    const ExperimentResult second = run(options);
    options.seed = 2;
    const ExperimentResult other = run(options);
    CHECK(first.offered == second.offered);
    CHECK(first.admitted == second.admitted);
    CHECK(first.bytes_per_node_per_window == second.bytes_per_node_per_window);
    CHECK(first.convergence.p99 == second.convergence.p99);
    CHECK(first.offered != other.offered);
    CHECK(first.bytes_per_node_per_window != other.bytes_per_node_per_window);
  }

  TEST_CASE("the flush rule holds the limit to about 1 %, a fixed interval of 100 ms to about 45 %") {
    ExperimentOptions options = ten_nodes();
    const ExperimentResult adaptive = run(options);
    CHECK(adaptive.settled);
    CHECK(adaptive.over_admission_pct.mean <= 1.2);
    CHECK(adaptive.over_admission_pct.max <= 3);
    CHECK(adaptive.admitted_pct_mean >= 100);
    CHECK(adaptive.false_rejection_pct.max == 0);
    options.fixed_interval = milliseconds(100);
    const ExperimentResult fixed = run(options);
    CHECK(fixed.offered == adaptive.offered);  // the same requests
    CHECK(fixed.over_admission_pct.mean >= 40);
    CHECK(fixed.over_admission_pct.mean <= 50);
    CHECK(fixed.packets_by_purpose[static_cast<std::size_t>(Purpose::urgent)] == 0);
    REQUIRE(adaptive.convergence_at_limit.p50);
    REQUIRE(fixed.convergence_at_limit.p50);
    CHECK(*adaptive.convergence_at_limit.p50 >= 0.5);  // one way
    CHECK(*adaptive.convergence_at_limit.p50 <= 2);
    CHECK(*fixed.convergence_at_limit.p50 >= 20);
    CHECK(*fixed.convergence_at_limit.p99 <= 105);
  }

  TEST_CASE("below the limit nothing is admitted beyond it and nothing is refused, however it is spread") {
    for (const Spread spread : {Spread::even, Spread::zipf, Spread::one_node, Spread::burst}) {
      ExperimentOptions options = ten_nodes(0.8);
      options.spread = spread;
      const ExperimentResult result = run(options);
      CHECK(result.over_admission_pct.max == 0);
      CHECK(result.false_rejection_pct.max == 0);
      CHECK(result.admitted == result.offered);
      CHECK(result.convergence.watched > 0);
      CHECK(result.convergence.p99.has_value());
    }
  }

  TEST_CASE("a split limit is never exceeded, says nothing, and refuses what comes to one node") {
    ExperimentOptions options = ten_nodes(1);
    options.scheme = Scheme::split;
    options.spread = Spread::one_node;
    const ExperimentResult one = run(options);
    CHECK(one.over_admission_pct.max == 0);
    CHECK(one.false_rejection_pct.mean >= 88);
    CHECK(one.false_rejection_pct.mean <= 92);
    CHECK(one.admitted == 5 * 100);
    CHECK(one.packets_per_node_per_window == 0);
    CHECK_FALSE(one.convergence.p50.has_value());
    options.spread = Spread::even;
    options.limit.requests = 1007;  // the remainder goes to somebody
    options.load = 10;
    const ExperimentResult even = run(options);
    CHECK(even.admitted == 5 * 1007);
  }

  TEST_CASE("nodes that never hear each other each admit the whole limit, and the result says so") {
    ExperimentOptions options{.nodes = 3, .limit = {.requests = 50, .window_s = 1}, .load = 6, .windows = 2};
    options.link.loss = 1;
    const ExperimentResult result = run(options);
    CHECK_FALSE(result.settled);
    CHECK(result.over_admission_pct.mean == doctest::Approx(200).epsilon(0.1));
    CHECK(result.convergence.watched > 0);
    CHECK_FALSE(result.convergence.p50.has_value());
  }

  TEST_CASE("a cluster of one is exact and silent") {
    ExperimentOptions options = ten_nodes();
    options.nodes = 1;
    const ExperimentResult result = run(options);
    CHECK(result.settled);
    CHECK(result.admitted == 5 * 1000);
    CHECK(result.over_admission_pct.max == 0);
    CHECK(result.convergence.p99 == 0);
  }

  TEST_CASE("without load nothing is admitted, and what is sent is what idle nodes send") {
    const ExperimentResult result = run(ten_nodes(0));
    CHECK(result.offered == 0);
    CHECK(result.over_admission_pct.max == 0);
    CHECK(result.false_rejection_pct.max == 0);
    CHECK(result.packets_per_node_per_window ==
          result.packets_by_purpose[static_cast<std::size_t>(Purpose::heartbeat)]);
  }

  TEST_CASE("windows of a minute are measured whole, with jitter on the way") {
    ExperimentOptions options{
        .nodes = 2, .limit = {.requests = 600, .window_s = 60}, .load = 2, .windows = 2};
    options.link.delay = milliseconds(5);
    options.link.jitter = microseconds(500);
    const ExperimentResult result = run(options);
    CHECK(result.settled);
    CHECK(result.offered > 2 * 1100);
    CHECK(result.offered < 2 * 1300);
    CHECK(result.admitted_pct_mean >= 100);
    CHECK(result.admitted_pct_mean <= 101);
  }

  TEST_CASE("progress only ever goes forward, from nothing to all") {
    std::vector<double> shares;
    Experiment(ten_nodes(0)).run([&](double share) { shares.push_back(share); });
    REQUIRE(shares.size() > 10);
    CHECK(shares.front() == 0);
    CHECK(shares.back() > 0.9);
    CHECK(shares.back() <= 1);
  }
}

}  // namespace starling::sim
