// A configuration file: understood, or refused with errors that name a line of it. What is understood can be
// enforced.
#include <chrono>
#include <string>

#include "engine/engine.hpp"
#include "limiter/config_file.hpp"
#include "target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  const std::string text(fuzz::text_of(data, bytes_count));
  auto file = parse_config(text, "f.yaml");
  if (!file) {
    REQUIRE_THAT(!file.error().empty() && file.error().size() <= config_errors_max);
    for (const ConfigError& error : file.error()) REQUIRE_THAT(!error.message.empty());
    return 0;
  }
  EngineOptions options;
  options.origin = OriginId{7};
  options.counters_max = 16;
  options.components_max = 16;
  const Instant now{std::chrono::hours(1)};
  Engine engine(options, std::move(file->rules), now);
  const Entry entries[] = {{.key = "principal", .value = "alice"}, {.key = "path", .value = "/login"}};
  const Descriptor descriptor{.entries = entries};
  const Decision decision = engine.decide({.domain = "", .descriptors = std::span(&descriptor, 1)}, now,
                                          WallTime(std::chrono::hours(500'000)));
  REQUIRE_THAT(decision.allowed || !decision.limits.empty());
  return 0;
}
