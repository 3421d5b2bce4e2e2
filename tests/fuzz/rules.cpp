// Configuration files, cut where a form feed is: understood, or refused with errors that name a line of one.
// What is understood can be enforced, and its `settings:` are settings of a node or refused likewise.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "limiter/config_file.hpp"
#include "node/settings.hpp"
#include "target.hpp"

using namespace starling;

namespace {

std::vector<ConfigText> texts_of(std::string_view all) {
  std::vector<ConfigText> texts;
  for (;;) {
    const std::size_t end = std::min(all.find('\f'), all.size());
    texts.push_back({"f" + std::to_string(texts.size()) + ".yaml", std::string(all.substr(0, end))});
    if (end == all.size()) return texts;
    all.remove_prefix(end + 1);
  }
}

void check_settings(const ConfigFile& file) {
  const auto loaded = load_settings(
      {}, [](const char*) { return nullptr; }, file.settings, "f0.yaml");
  const auto faults = setting_faults(file.settings);
  REQUIRE_THAT(loaded.has_value() == faults.empty());
  for (const std::string& fault : faults)
    REQUIRE_THAT(!fault.empty() && fault.find('\n') == std::string::npos);
  if (!loaded) {
    REQUIRE_THAT(!loaded.error().is_usage && !loaded.error().message.empty());
    return;
  }
  REQUIRE_THAT(loaded->views.size() == setting_specs().size());
}

void enforce(RuleSet rules) {
  EngineOptions options;
  options.origin = OriginId{7};
  options.counters_max = 16;
  options.components_max = 16;
  const Instant now{std::chrono::hours(1)};
  Engine engine(options, std::move(rules), now);
  const Entry entries[] = {{.key = "principal", .value = "alice"}, {.key = "path", .value = "/login"}};
  const Descriptor descriptor{.entries = entries};
  const Decision decision = engine.decide({.domain = "", .descriptors = std::span(&descriptor, 1)}, now,
                                          WallTime(std::chrono::hours(500'000)));
  REQUIRE_THAT(decision.allowed || !decision.limits.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  const std::vector<ConfigText> texts = texts_of(fuzz::text_of(data, bytes_count));
  auto file = parse_configs(texts);
  if (!file) {
    REQUIRE_THAT(!file.error().empty() && file.error().size() <= config_errors_max);
    for (const ConfigError& error : file.error()) {
      REQUIRE_THAT(!error.message.empty());
      REQUIRE_THAT(error.line >= 0 && error.column >= 0);
    }
    return 0;
  }
  REQUIRE_THAT(file->warnings.size() <= config_warnings_max && file->rules.rules.size() <= rules_max);
  check_settings(*file);
  enforce(std::move(file->rules));
  return 0;
}
