#include "import/kong_plugins.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/shown_text.hpp"
#include "import/foreign_value.hpp"

namespace starling {
namespace {

std::string text_at(const ForeignNode& node, std::string_view key) {
  const ForeignNode* found = node.find(key);
  return found != nullptr && found->is_text() ? found->text : "";
}

/// How a gateway would call an entity: the first of these that it has.
std::string name_of(const ForeignNode& node) {
  if (node.is_text()) return node.text;
  for (const std::string_view key : {"name", "username", "custom_id", "id"})
    if (std::string name = text_at(node, key); !name.empty()) return name;
  return "";
}

class PluginFinder {
 public:
  explicit PluginFinder(ImportReport& report) : report_(report) {}

  std::vector<KongPlugin> find(const std::vector<ForeignNode>& documents);

 private:
  using Attached = std::multimap<std::string, KongScope>;  ///< by the name of the plugin's document

  bool read_declarative(const ForeignNode& document);
  void read_services(const ForeignNode& list);
  void read_entities(const ForeignNode& list, std::string KongScope::*dimension, std::string_view what);
  void read_plugins(const ForeignNode& list, const KongScope& scope);
  void read_plugin(const ForeignNode& node, KongScope scope);
  bool add_dimension(const ForeignEntry& entry, KongScope& scope);
  std::optional<KongPlugin> start(const std::string& name, const ForeignNode& node);
  void note_attached(const ForeignNode& document, Attached& attached);
  void read_resource(const ForeignNode& document, const Attached& attached);
  bool expect_list(const ForeignNode& node, std::string_view what) {
    if (node.is_list()) return true;
    if (!node.is_nothing())
      report_.error(node.place, fmt::format("{}: expected a list, found {}", what, node.found()));
    return false;
  }

  ImportReport& report_;
  std::vector<KongPlugin> plugins_;
};

constexpr std::array<std::pair<std::string_view, std::string KongScope::*>, 4> dimensions{
    {{"consumer", &KongScope::consumer},
     {"consumer_group", &KongScope::consumer_group},
     {"route", &KongScope::route},
     {"service", &KongScope::service}}};

/// A plugin of a kind that limits rates; nothing for others, told if they are of that family.
std::optional<KongPlugin> PluginFinder::start(const std::string& name, const ForeignNode& node) {
  KongPlugin plugin;
  plugin.place = node.place;
  if (name == "rate-limiting-advanced") {
    plugin.kind = KongPlugin::Kind::rate_limiting_advanced;
  } else if (name != "rate-limiting") {
    if (name.find("ratelimiting") != std::string::npos || name.find("rate-limiting") != std::string::npos)
      report_.not_carried(node.place, fmt::format("the plugin {} has no counterpart", quoted(name)));
    return std::nullopt;
  }
  plugin.config = node.find("config");
  if (plugin.config != nullptr && plugin.config->is_map()) return plugin;
  report_.error(node.place, fmt::format("plugin {}: expected a `config` with limits, found {}", quoted(name),
                                        plugin.config != nullptr ? plugin.config->found() : "none"));
  return std::nullopt;
}

/// True if the entry says what the plugin is attached to.
bool PluginFinder::add_dimension(const ForeignEntry& entry, KongScope& scope) {
  for (const auto& [key, member] : dimensions) {
    if (entry.key != key) continue;
    if (entry.value.is_nothing()) return true;
    const std::string name = name_of(entry.value);
    if (name.empty())
      report_.error(entry.value.place,
                    fmt::format("plugin: {}: expected a name, found {}", key, entry.value.found()));
    scope.*member = name;
    return true;
  }
  return false;
}

void PluginFinder::read_plugin(const ForeignNode& node, KongScope scope) {
  auto plugin = start(text_at(node, "name"), node);
  if (!plugin) return;
  for (const ForeignEntry& entry : node.entries) {
    if (add_dimension(entry, scope)) continue;
    if (entry.key == "enabled") {
      if (!read_foreign_bool(entry.value, "plugin: enabled", report_).value_or(true)) {
        report_.remark(node.place, "the plugin is disabled, so it is left out");
        return;
      }
    } else if (entry.key == "instance_name") {
      plugin->instance_name = entry.value.text;
    } else if (entry.key == "_config" || entry.key == "condition") {
      report_.not_carried(entry.place, fmt::format("plugin: {} was not looked at", entry.key));
    }
  }
  plugin->scope = std::move(scope);
  plugins_.push_back(std::move(*plugin));
}

void PluginFinder::read_plugins(const ForeignNode& list, const KongScope& scope) {
  if (!expect_list(list, "plugins")) return;
  for (const ForeignNode& item : list.items) {
    if (item.is_map())
      read_plugin(item, scope);
    else
      report_.error(item.place, fmt::format("plugins: expected a map with a `name`, found {}", item.found()));
  }
}

void PluginFinder::read_entities(const ForeignNode& list, std::string KongScope::*dimension,
                                 std::string_view what) {
  if (!expect_list(list, what)) return;
  for (const ForeignNode& item : list.items) {
    if (const ForeignNode* routes = item.find("routes")) read_entities(*routes, &KongScope::route, "routes");
    const ForeignNode* plugins = item.find("plugins");
    if (plugins == nullptr) continue;
    KongScope scope;
    scope.*dimension = name_of(item);
    if ((scope.*dimension).empty())
      report_.not_carried(item.place,
                          fmt::format("{}: its plugins, for it has no name by which a gateway could call "
                                      "it",
                                      what));
    else
      read_plugins(*plugins, scope);
  }
}

/// False if nothing in it is Kong's.
bool PluginFinder::read_declarative(const ForeignNode& document) {
  bool known = document.find("_format_version") != nullptr;
  for (const ForeignEntry& entry : document.entries) {
    if (entry.key == "plugins")
      read_plugins(entry.value, KongScope{});
    else if (entry.key == "services")
      read_entities(entry.value, &KongScope::service, "services");
    else if (entry.key == "routes")
      read_entities(entry.value, &KongScope::route, "routes");
    else if (entry.key == "consumers")
      read_entities(entry.value, &KongScope::consumer, "consumers");
    else if (entry.key == "consumer_groups")
      read_entities(entry.value, &KongScope::consumer_group, "consumer_groups");
    else
      continue;
    known = true;
  }
  return known;
}

void PluginFinder::note_attached(const ForeignNode& document, Attached& attached) {
  const ForeignNode* metadata = document.find("metadata");
  const ForeignNode* annotations = metadata != nullptr ? metadata->find("annotations") : nullptr;
  const std::string list = annotations != nullptr ? text_at(*annotations, "konghq.com/plugins") : "";
  const std::string kind = text_at(document, "kind");
  KongScope scope;
  std::string name = text_at(*metadata, "name");
  if (kind == "Service")
    scope.service = std::move(name);
  else if (kind == "KongConsumer")
    scope.consumer = text_at(document, "username").empty() ? std::move(name) : text_at(document, "username");
  else if (kind == "KongConsumerGroup")
    scope.consumer_group = std::move(name);
  else
    scope.route = std::move(name);  // Ingress, HTTPRoute, GRPCRoute, ...
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t comma = std::min(list.find(',', start), list.size());
    std::string one = list.substr(start, comma - start);
    std::erase(one, ' ');
    if (!one.empty()) attached.emplace(std::move(one), scope);
    start = comma + 1;
  }
}

void PluginFinder::read_resource(const ForeignNode& document, const Attached& attached) {
  const std::string kind = text_at(document, "kind");
  if (kind != "KongPlugin" && kind != "KongClusterPlugin") return;
  auto plugin = start(text_at(document, "plugin"), document);
  if (!plugin) return;
  const ForeignNode* disabled = document.find("disabled");
  if (disabled != nullptr && read_foreign_bool(*disabled, "disabled", report_).value_or(false)) {
    report_.remark(document.place, "the plugin is disabled, so it is left out");
    return;
  }
  const ForeignNode* metadata = document.find("metadata");
  const std::string name = metadata != nullptr ? text_at(*metadata, "name") : "";
  plugin->instance_name = name;
  const ForeignNode* labels = metadata != nullptr ? metadata->find("labels") : nullptr;
  if (kind == "KongClusterPlugin" && labels != nullptr && text_at(*labels, "global") == "true") {
    plugins_.push_back(*plugin);
    return;
  }
  const auto [first, last] = attached.equal_range(name);
  for (auto at = first; at != last; ++at) {
    plugin->scope = at->second;
    plugins_.push_back(*plugin);
  }
  if (first != last) return;
  plugin->attached = false;
  plugins_.push_back(*plugin);
}

std::vector<KongPlugin> PluginFinder::find(const std::vector<ForeignNode>& documents) {
  Attached attached;
  for (const ForeignNode& document : documents)
    if (document.find("kind") != nullptr && document.find("metadata") != nullptr)
      note_attached(document, attached);
  for (const ForeignNode& document : documents) {
    if (document.find("kind") != nullptr && document.find("apiVersion") != nullptr)
      read_resource(document, attached);
    else if (!read_declarative(document))
      report_.error(document.place,
                    "expected Kong's declarative configuration (`_format_version`, `services`, "
                    "`plugins`, ...) or a KongPlugin, found neither");
  }
  return std::move(plugins_);
}

}  // namespace

std::vector<KongPlugin> find_kong_plugins(const std::vector<ForeignNode>& documents, ImportReport& report) {
  return PluginFinder(report).find(documents);
}

}  // namespace starling
