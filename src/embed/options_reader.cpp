#include "embed/options_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "base/shown_text.hpp"
#include "node/config_source.hpp"
#include "node/engine_options.hpp"
#include "node/key_file.hpp"
#include "node/settings.hpp"

namespace starling::embed {
namespace {

using Flags = std::map<std::string, std::string>;

/// What messages call a rules text that came as a string.
constexpr std::string_view rules_text_name = "rules";

constexpr std::array<std::string_view, 9> node_settings{
    "dns-servers",   "resolve-interval", "heartbeat-interval", "sync-interval", "join-timeout",
    "drain-timeout", "max-counters",     "egress-limit",       "key-file"};
constexpr std::array<std::string_view, 5> engine_settings{"heartbeat-interval", "sync-interval",
                                                          "join-timeout", "max-counters", "egress-limit"};

std::string joined(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

/// Options say nothing of it as long as they are empty.
void add(Flags& flags, const char* name, const std::string& value) {
  if (!value.empty()) flags.emplace(name, value);
}

Read<Flags> flags_of(const std::map<std::string, std::string>& settings,
                     std::span<const std::string_view> known) {
  for (const auto& [name, value] : settings)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return tl::unexpected(fmt::format("settings: unknown name {}; expected one of: {}", quoted(name),
                                        fmt::join(known, ", ")));
  return settings;
}

Read<LoadedSettings> load(const Flags& flags, const ConfigFile& file, const std::string& file_name) {
  const Environment none = [](const char*) -> const char* { return nullptr; };
  auto loaded = load_settings(flags, none, file.settings, file_name);
  if (loaded) return std::move(*loaded);
  return tl::unexpected(without_dashes(loaded.error().message));
}

ConfigFile built_in() {
  ConfigFile file;
  file.rules = RuleSet::built_in();
  return file;
}

Read<ConfigFile> understand(const ConfigTexts& texts) {
  auto config = understand_config(texts);
  if (!config) return tl::unexpected(joined(config.error().lines));
  return std::move(*config);
}

Read<ConfigFile> rules_of(const NodeOptions& options) {
  if (!options.rules.empty() && !options.rules_path.empty())
    return tl::unexpected<std::string>("expected either rules or rules_path, found both; leave one empty");
  if (!options.rules.empty()) return understand({ConfigText{std::string(rules_text_name), options.rules}});
  if (options.rules_path.empty()) return built_in();
  const auto texts = read_config_texts(options.rules_path);
  if (!texts) return tl::unexpected(joined(texts.error().lines));
  return understand(*texts);
}

}  // namespace

std::string without_dashes(std::string_view message) {
  if (message.starts_with("--")) message.remove_prefix(2);
  return std::string(message);
}

Read<NodePlan> read_options(const NodeOptions& options) {
  auto flags = flags_of(options.settings, node_settings);
  if (!flags) return tl::unexpected(std::move(flags.error()));
  add(*flags, "neighborhood-host", options.neighborhood);
  add(*flags, "bind", options.bind);
  add(*flags, "cluster", options.cluster);
  add(*flags, "node-name", options.node_name);
  if (options.sync_port) flags->emplace("sync-port", std::to_string(*options.sync_port));
  if (options.heartbeat_port) flags->emplace("heartbeat-port", std::to_string(*options.heartbeat_port));
  auto file = rules_of(options);
  if (!file) return tl::unexpected(std::move(file.error()));
  const std::string from = options.rules_path.empty() ? std::string(rules_text_name) : options.rules_path;
  auto loaded = load(*flags, *file, from);
  if (!loaded) return tl::unexpected(std::move(loaded.error()));
  wire::KeyRing keys;
  if (!loaded->settings.key_file.empty()) {
    auto read = read_key_file(loaded->settings.key_file);
    if (!read) return tl::unexpected(fmt::format("key-file: {}", read.error()));
    keys = std::move(*read);
  }
  NodePlan plan{.options = {.settings = std::move(loaded->settings),
                            .setting_views = std::move(loaded->views),
                            .rules = std::move(file->rules),
                            .rules_from = file->has_rules ? from : "built-in",
                            .keys = std::move(keys)},
                .warnings = {}};
  for (const ConfigError& warning : file->warnings) plan.warnings.push_back(warning.to_string());
  return plan;
}

Read<EnginePlan> read_options(const EngineOptions& options) {
  if (options.origin == 0)
    return tl::unexpected<std::string>("origin: expected a random number, found 0; draw one at each start");
  auto flags = flags_of(options.settings, engine_settings);
  if (!flags) return tl::unexpected(std::move(flags.error()));
  add(*flags, "cluster", options.cluster);
  flags->emplace("node-name", options.node_name.empty() ? "node" : options.node_name);
  auto file = options.rules.empty() ? Read<ConfigFile>(built_in()) : read_rules(options.rules);
  if (!file) return tl::unexpected(std::move(file.error()));
  const auto loaded = load(*flags, *file, std::string(rules_text_name));
  if (!loaded) return tl::unexpected(loaded.error());
  return EnginePlan{
      .options = engine_options(loaded->settings, {.origin = OriginId{options.origin},
                                                   .seed = options.seed,
                                                   .node_name = loaded->settings.node_name,
                                                   .sync_port = options.sync_port,
                                                   .has_neighborhood = options.has_neighborhood}),
      .rules = std::move(file->rules)};
}

Read<ConfigFile> read_rules(std::string_view yaml) {
  auto file = understand({ConfigText{std::string(rules_text_name), std::string(yaml)}});
  if (!file) return file;
  if (const auto faults = setting_faults(file->settings); !faults.empty())
    return tl::unexpected(joined(faults));
  return file;
}

}  // namespace starling::embed
