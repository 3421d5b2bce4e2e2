/// Settings on their way into an engine.
#include "node/engine_options.hpp"

#include <doctest/doctest.h>

namespace starling {
namespace {

Settings settings_of(const std::map<std::string, std::string>& flags) {
  const Environment none = [](const char*) -> const char* { return nullptr; };
  const auto loaded = load_settings(flags, none, {}, "");
  REQUIRE(loaded.has_value());
  return loaded->settings;
}

}  // namespace

TEST_SUITE("node.engine_options") {
  TEST_CASE("every setting of the engine arrives, and who it is") {
    const EngineOptions options = engine_options(
        settings_of({{"cluster", "c"},
                     {"heartbeat-interval", "300ms"},
                     {"sync-interval", "70ms"},
                     {"join-timeout", "3s"},
                     {"max-counters", "1000"},
                     {"egress-limit", "2"}}),
        {.origin = OriginId{7}, .seed = 8, .node_name = "n", .sync_port = 9, .has_neighborhood = true});
    CHECK(options.origin == OriginId{7});
    CHECK(options.seed == 8);
    CHECK(options.node_name == "n");
    CHECK(options.sync_port == 9);
    CHECK(options.has_neighborhood);
    CHECK(options.cluster == "c");
    CHECK(options.heartbeat_interval == std::chrono::milliseconds(300));
    CHECK(options.sync_interval == std::chrono::milliseconds(70));
    CHECK(options.join_timeout == std::chrono::seconds(3));
    CHECK(options.counters_max == 1000);
    CHECK(options.components_max == 4000);
    CHECK(options.egress_bytes_per_s == 2 * 1024 * 1024);
  }

  TEST_CASE("automatic heartbeats stay automatic, and the largest table still has an index") {
    const EngineOptions options = engine_options(settings_of({}), {.origin = OriginId{1}});
    CHECK_FALSE(options.heartbeat_interval.has_value());
    Settings huge = settings_of({});
    huge.max_counters = 0xFFFF'FFFF;
    CHECK(engine_options(huge, {.origin = OriginId{1}}).components_max == 0xFFFF'FFF0);
  }
}

}  // namespace starling
