/// What embedders may say, and what they are told when it is wrong.
#include "embed/options_reader.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace starling::embed {
namespace {

const std::string one_rule =
    "settings: {sync-interval: 70ms, drain-timeout: 3s}\n"
    "rules:\n  - name: x\n    match: {principal: '*'}\n    limits: [{requests: 3, per: 1s}]\n";

std::string error_of(const NodeOptions& options) {
  const auto plan = read_options(options);
  return plan ? "" : plan.error();
}

std::string error_of(const EngineOptions& options) {
  const auto plan = read_options(options);
  return plan ? "" : plan.error();
}

}  // namespace

TEST_SUITE("embed.options_reader") {
  TEST_CASE("what is left out is as with starling node") {
    const auto plan = read_options(NodeOptions{});
    REQUIRE(plan.has_value());
    CHECK(plan->options.settings.cluster == "starling");
    CHECK(plan->options.settings.sync_port == 4290);
    CHECK(plan->options.settings.heartbeat_port == 4291);
    CHECK_FALSE(plan->options.settings.bind.has_value());
    CHECK(plan->options.settings.neighbors.empty());
    CHECK(plan->options.rules_from == "built-in");
    CHECK(plan->options.rules.rules.size() == 1);
  }

  TEST_CASE("every option arrives") {
    const auto plan = read_options(NodeOptions{.neighborhood = "10.0.0.1,10.0.0.2:77",
                                               .bind = "127.0.0.9",
                                               .sync_port = 1,
                                               .heartbeat_port = 2,
                                               .cluster = "c",
                                               .node_name = "n",
                                               .rules = one_rule,
                                               .settings = {{"drain-timeout", "4s"}}});
    REQUIRE(plan.has_value());
    const Settings& settings = plan->options.settings;
    REQUIRE(settings.neighbors.size() == 2);
    CHECK(settings.neighbors[0].port == 2);
    CHECK(settings.neighbors[1].port == 77);
    CHECK(settings.bind->to_string() == "127.0.0.9");
    CHECK(settings.sync_port == 1);
    CHECK(settings.cluster == "c");
    CHECK(settings.node_name == "n");
    CHECK(settings.sync_interval.count() == 70);    // from the text
    CHECK(settings.drain_timeout.count() == 4000);  // options come first
    CHECK(plan->options.rules.rules.front().name == "x");
    CHECK(plan->options.rules_from == "rules");
  }

  TEST_CASE("the environment says nothing") {
    setenv("STARLING_CLUSTER", "elsewhere", 1);
    CHECK(read_options(NodeOptions{})->options.settings.cluster == "starling");
    unsetenv("STARLING_CLUSTER");
  }

  TEST_CASE("what is wrong is named, without the dashes of a command line") {
    CHECK(error_of(NodeOptions{.bind = "nowhere"}).starts_with("bind: expected an address"));
    CHECK(error_of(NodeOptions{.neighborhood = "a,,b"}).find("neighborhood-host") == 0);
    CHECK(error_of(NodeOptions{.cluster = "two words"}).starts_with("cluster: expected"));
    CHECK(error_of(NodeOptions{.settings = {{"sync-interval", "soon"}}})
              .starts_with("sync-interval: expected"));
    CHECK(error_of(NodeOptions{.settings = {{"http-port", "80"}}}).starts_with("settings: unknown name"));
    CHECK(error_of(NodeOptions{.rules = "a", .rules_path = "b"}).find("found both") != std::string::npos);
    CHECK(error_of(NodeOptions{.rules_path = "/nowhere/rules.yaml"}).starts_with("/nowhere/rules.yaml: "));
  }

  TEST_CASE("each mistake in the rules has a line of its own, with its place") {
    const std::string error = error_of(NodeOptions{.rules = "rules:\n  - nam: x\n  - nam: y\n"});
    CHECK(error.starts_with("rules:2:5: "));
    CHECK(error.find("\nrules:3:5: ") != std::string::npos);
    CHECK(error.back() != '\n');
  }

  TEST_CASE("settings beside replaced rules must be sound") {
    CHECK(read_rules(one_rule).has_value());
    const auto bad =
        read_rules("settings: {sync-interval: soon}\n" + one_rule.substr(one_rule.find("rules")));
    REQUIRE_FALSE(bad.has_value());
    CHECK(bad.error().starts_with("rules:1:"));
  }

  TEST_CASE("an engine needs an origin, and takes no settings of sockets") {
    CHECK(error_of(EngineOptions{}).starts_with("origin: expected a random number, found 0"));
    CHECK(error_of(EngineOptions{.origin = 1, .settings = {{"dns-servers", "1.1.1.1"}}})
              .starts_with("settings: unknown name"));
    CHECK(error_of(EngineOptions{.origin = 1, .node_name = "a b"}).starts_with("node-name: expected"));
    const auto plan = read_options(EngineOptions{.origin = 7, .seed = 9, .rules = one_rule});
    REQUIRE(plan.has_value());
    CHECK(plan->options.origin.value == 7);
    CHECK(plan->options.seed == 9);
    CHECK(plan->options.node_name == "node");
    CHECK(plan->options.sync_interval == std::chrono::milliseconds(70));
    CHECK(plan->rules.rules.front().name == "x");
  }
}

}  // namespace starling::embed
