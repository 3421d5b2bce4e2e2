#include "cli/simulate.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/simulation_view.hpp"

namespace starling::cli {
namespace {

/// What is wrong with a command line; empty if nothing is, and then it has run.
std::string problem_of(const std::string& arguments) {
  CLI::App app("", "starling");
  int exit_code = -1;
  add_simulate(app, exit_code);
  try {
    app.parse("simulate " + arguments);
  } catch (const CLI::ParseError& wrong) {
    CHECK(exit_code == -1);
    return wrong.what();
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

sim::ExperimentResult some_result() {
  sim::ExperimentResult result;
  result.offered = 300'000;
  result.admitted = 30'159;
  result.over_admission_pct = {.mean = 0.53, .p99 = 1.3, .max = 1.3};
  result.false_rejection_pct = {.mean = 0.000123456, .p99 = 0, .max = 0.01};
  result.admitted_pct_mean = 100.53;
  result.packets_per_node_per_window = 143.256;
  result.bytes_per_node_per_window = 36'795;
  result.packets_by_purpose[static_cast<std::size_t>(Purpose::heartbeat)] = 40;
  result.convergence = {.watched = 300, .p50 = 8.8, .p99 = 39.2};
  result.convergence_at_limit = {.watched = 301, .p50 = 0.75, .p99 = {}};
  return result;
}

}  // namespace

TEST_SUITE("cli.simulate") {
  TEST_CASE("a bad value is one error that names the flag, what was expected and what was found") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"--nodes 0", "from 1 to 1000"},
        {"--nodes 1001", "from 1 to 1000"},
        {"--nodes 1.5", "whole number"},
        {"--nodes -3", "whole number"},
        {"--nodes 99999999999999999999", "whole number"},
        {"--limit 1000", "REQUESTS/WINDOW"},
        {"--limit /1s", "REQUESTS/WINDOW"},
        {"--limit 1000/", "REQUESTS/WINDOW"},
        {"--limit 0/1s", "from 1 to"},
        {"--limit 1000000001/1s", "from 1 to"},
        {"--limit 10/0s", "1s to 366d"},
        {"--limit 10/500ms", "whole seconds"},
        {"--limit 10/1500ms", "whole seconds"},
        {"--limit 10/367d", "1s to 366d"},
        {"--limit 10/1s/2", "REQUESTS/WINDOW"},
        {"--load x", "such as 10x"},
        {"--load -1x", "from 0x"},
        {"--load 10001x", "to 10000x"},
        {"--load nanx", "such as 10x"},
        {"--load infx", "such as 10x"},
        {"--load 10y", "such as 10x"},
        {"--spread odd", "even, zipf, one-node or burst"},
        {"--delay 5", "such as 500us"},
        {"--delay 11s", "to 10s"},
        {"--delay -1us", "from 0us"},
        {"--delay nanms", "such as 500us"},
        {"--jitter 1m", "such as 500us"},
        {"--loss 1", "such as 1%"},
        {"--loss 101%", "to 100%"},
        {"--loss -1%", "from 0%"},
        {"--loss nan%", "such as 1%"},
        {"--scheme raft", "gossip or split"},
        {"--admission strict", "optimistic or guarded"},
        {"--sync fixed", "adaptive, or a fixed interval"},
        {"--sync 0ms", "from 1ms"},
        {"--sync 2h", "from 1ms"},
        {"--windows 0", "from 1 to 100000"},
        {"--windows 100001", "from 1 to 100000"},
        {"--seed -1", "whole number"},
        {"--output xml", "table, json or yaml"},
    };
    for (const auto& [case_arguments, expected] : cases) {
      const auto& arguments = case_arguments;
      CAPTURE(arguments);
      const std::string problem = problem_of(arguments);
      CAPTURE(problem);
      const std::size_t space = arguments.find(' ');
      CHECK(problem.starts_with(arguments.substr(0, space) + ": expected "));
      CHECK(contains(problem, expected));
      CHECK(problem.ends_with(", found \"" + arguments.substr(space + 1) + "\""));
      CHECK_FALSE(contains(problem, "\n"));
    }
  }

  TEST_CASE("what only shows when flags are seen together is an error too") {
    const std::string heavy = problem_of("--limit 1000000000/1s --load 10x");
    CHECK(heavy.starts_with("--load: expected at most 100000000 requests per window, found 10 x 1000000000"));
    CHECK(problem_of("--scheme split --sync 100ms").starts_with("--sync: expected --scheme gossip"));
    CHECK(problem_of("--admission guarded --scheme split")
              .starts_with("--admission: expected --scheme gossip"));
  }

  TEST_CASE("what a terminal obeys does not come back in an error") {
    CHECK(problem_of("--spread \x1b[2J") ==
          "--spread: expected even, zipf, one-node or burst, found \"\\u001b[2J\"");
  }

  TEST_CASE("the document has every figure and the parameters as they would be given") {
    sim::ExperimentOptions options;
    options.limit = {.requests = 300, .window_s = 60};
    options.spread = sim::Spread::one_node;
    options.link.loss = 0.07;
    options.link.jitter = std::chrono::milliseconds(2);
    options.load = 2.5;
    const Json document = simulation_json(options, some_result());
    const Json& parameters = document["parameters"];
    CHECK(parameters == Json{{"nodes", 10},
                             {"limit", "300/1m"},
                             {"load", "2.5x"},
                             {"spread", "one-node"},
                             {"delay", "500us"},
                             {"jitter", "2ms"},
                             {"loss", "7%"},
                             {"scheme", "gossip"},
                             {"admission", "optimistic"},
                             {"sync", "adaptive"},
                             {"windows", 30},
                             {"seed", 1}});
    CHECK(document["over_admission_pct"] == Json{{"mean", 0.53}, {"p99", 1.3}, {"max", 1.3}});
    CHECK(document["false_rejection_pct"] == Json{{"mean", 0.0001}, {"p99", 0.0}, {"max", 0.01}});
    CHECK(document["packets_per_node_per_window"] == 143.256);
    CHECK(document["bytes_per_node_per_window"] == 36795.0);
    CHECK(document["packets_by_purpose"]["heartbeat"] == 40.0);
    CHECK(document["convergence_ms"] == Json{{"p50", 8.8}, {"p99", 39.2}, {"hits", 300}});
    CHECK(document["convergence_at_limit_ms"] == Json{{"p50", 0.75}, {"p99", nullptr}, {"hits", 301}});
    CHECK(document["settled"] == true);
  }

  TEST_CASE("a fixed interval and a split limit are named as such") {
    sim::ExperimentOptions options;
    options.fixed_interval = std::chrono::milliseconds(100);
    CHECK(simulation_json(options, {})["parameters"]["sync"] == "100ms");
    options.scheme = sim::Scheme::split;
    CHECK(simulation_json(options, {})["parameters"]["scheme"] == "split");
    CHECK(simulation_json(options, {})["parameters"]["sync"].is_null());
  }

  TEST_CASE("people see the question, the figures, and a dash where there is none") {
    const std::string text = render_simulation(simulation_json({}, some_result()));
    CHECK(text ==
          "10 node(s), limit 1000/1s, offered 10x (even), one way 500us, loss 0%\n"
          "admission optimistic, sync adaptive; 30 window(s), seed 1\n"
          "\n"
          "                          MEAN      P50      P99       MAX\n"
          "admitted, of the limit    100.53 %\n"
          "over-admission            0.53 %    -        1.30 %    1.30 %\n"
          "false rejections          0.00 %    -        0.00 %    0.01 %\n"
          "convergence               -         8.80 ms  39.20 ms  -\n"
          "convergence at the limit  -         0.75 ms  -         -\n"
          "packets per node, window  143.26\n"
          "bytes per node, window    36795\n");
  }

  TEST_CASE("a cluster that did not find itself is said to be one") {
    sim::ExperimentResult result = some_result();
    result.settled = false;
    CHECK(contains(render_simulation(simulation_json({}, result)), "did not all find each other"));
    CHECK(contains(render_simulation(Json::object()), "-"));
  }
}

}  // namespace starling::cli
