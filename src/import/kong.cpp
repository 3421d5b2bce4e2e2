#include "import/kong.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/shown_text.hpp"
#include "import/foreign_value.hpp"
#include "import/kong_limits.hpp"
#include "import/kong_plugins.hpp"
#include "import/rule_names.hpp"

namespace starling {
namespace {

struct Dimension {
  std::string_view key;
  std::string KongScope::*name;
};
constexpr Dimension consumer{"consumer", &KongScope::consumer};
constexpr Dimension group{"consumer_group", &KongScope::consumer_group};
constexpr Dimension route{"route", &KongScope::route};
constexpr Dimension service{"service", &KongScope::service};
constexpr std::array<Dimension, 4> all_dimensions{consumer, group, route, service};

/// What an instance is attached to, from the narrowest on: bits 8 consumer, 4 group, 2 route, 1 service.
constexpr std::array<unsigned, 12> precedence{8 | 2 | 1, 4 | 2 | 1, 8 | 2, 8 | 1, 4 | 2, 4 | 1,
                                              2 | 1,     8,         4,     2,     1,     0};

/// Of two instances that both fit, the one with the smaller rank runs.
std::size_t rank_of(const KongScope& scope) {
  unsigned bits = 0;
  for (const Dimension& dimension : all_dimensions)
    bits = bits * 2 + ((scope.*dimension.name).empty() ? 0U : 1U);
  return static_cast<std::size_t>(std::find(precedence.begin(), precedence.end(), bits) - precedence.begin());
}

bool can_meet(const KongScope& a, const KongScope& b) {
  return std::all_of(all_dimensions.begin(), all_dimensions.end(), [&](const Dimension& dimension) {
    const std::string& x = a.*dimension.name;
    const std::string& y = b.*dimension.name;
    return x.empty() || y.empty() || x == y;
  });
}

/// A plugin and the rules made of it.
struct Instance {
  KongPlugin plugin;
  std::size_t rank = 0;
  std::vector<std::size_t> rules;
};

class RuleMaker {
 public:
  explicit RuleMaker(ImportReport& report) : report_(report) {}

  void add(const KongPlugin& plugin);
  std::vector<Rule> finish();

 private:
  std::optional<std::vector<Matcher>> scope_matchers(const KongPlugin& plugin);
  std::optional<Matcher> by_matcher(const KongPlugin& plugin, const KongLimits& limits);
  void add_rule(Instance& instance, const std::string& name, std::vector<Matcher> match,
                const KongLimits& limits);
  bool expressible(const std::string& text, Place place);

  ImportReport& report_;
  RuleNames names_;
  std::vector<Rule> rules_;
  std::vector<Instance> instances_;
};

bool RuleMaker::expressible(const std::string& text, Place place) {
  if (text.find('*') == std::string::npos) return true;
  report_.not_carried(place, fmt::format("the plugin: a `*` in {} has no counterpart", quoted(text)));
  return false;
}

std::optional<std::vector<Matcher>> RuleMaker::scope_matchers(const KongPlugin& plugin) {
  std::vector<Matcher> match;
  for (const Dimension& dimension : all_dimensions) {
    const std::string& name = plugin.scope.*dimension.name;
    if (name.empty()) continue;
    if (!expressible(name, plugin.place)) return std::nullopt;
    match.push_back(Matcher{.key = std::string(dimension.key), .kind = Matcher::Kind::equal, .text = name});
  }
  return match;
}

/// The key by which the plugin tells callers apart; nothing if it cannot be said, which has been told then.
std::optional<Matcher> RuleMaker::by_matcher(const KongPlugin& plugin, const KongLimits& limits) {
  const auto any = [](std::string key) {
    return Matcher{.key = std::move(key), .kind = Matcher::Kind::any, .text = ""};
  };
  if (limits.by == "ip") return any("client_ip");
  if (limits.by == "consumer-group") return any("consumer_group");
  if (limits.by == "header") {
    std::string key = "header." + limits.header_name;
    for (char& c : key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    if (!limits.header_name.empty() && key.size() <= foreign_name_bytes_max) return any(std::move(key));
    report_.error(plugin.config->place,
                  fmt::format("config: expected a `header_name` of 1 to {} bytes with `limit_by: header`",
                              foreign_name_bytes_max - std::string_view("header.").size()));
    return std::nullopt;
  }
  if (limits.by == "path") {
    if (limits.path.empty()) {
      report_.error(plugin.config->place, "config: expected a `path` with `limit_by: path`, found none");
      return std::nullopt;
    }
    if (!expressible(limits.path, plugin.config->place)) return std::nullopt;
    return Matcher{.key = "path", .kind = Matcher::Kind::equal, .text = limits.path};
  }
  return any(limits.by);
}

void RuleMaker::add_rule(Instance& instance, const std::string& name, std::vector<Matcher> match,
                         const KongLimits& limits) {
  Rule rule;
  rule.name = names_.take(name);
  rule.match = std::move(match);
  std::sort(rule.match.begin(), rule.match.end(),
            [](const Matcher& a, const Matcher& b) { return a.key < b.key; });
  rule.limits = limits.limits;
  rule.algorithm = limits.algorithm;
  if (!instance.plugin.attached) rule.learning = true;
  instance.rules.push_back(rules_.size());
  rules_.push_back(std::move(rule));
}

/// What the rule is called: as the instance, or as what it is attached to.
std::string name_of(const KongPlugin& plugin) {
  if (!plugin.instance_name.empty()) return plugin.instance_name;
  std::string name;
  for (const Dimension& dimension : all_dimensions) {
    const std::string& text = plugin.scope.*dimension.name;
    if (!text.empty()) name += fmt::format("{}{}-{}", name.empty() ? "" : ".", dimension.key, text);
  }
  return name.empty() ? "global" : name;
}

void RuleMaker::add(const KongPlugin& plugin) {
  const auto limits = read_kong_limits(plugin, report_);
  if (!limits) return;
  auto match = scope_matchers(plugin);
  const auto by = match ? by_matcher(plugin, *limits) : std::nullopt;
  if (!by) return;
  Instance instance{.plugin = plugin, .rank = rank_of(plugin.scope), .rules = {}};
  if (instance.rank == precedence.size())
    return report_.not_carried(plugin.place,
                               "the plugin: attached to a consumer and to a group, which Kong does not do");
  if (!plugin.attached)
    report_.not_carried(plugin.place,
                        "what the plugin is attached to: nothing in this file names it by "
                        "`konghq.com/plugins`; the rule covers everything and only learns; give it "
                        "`service:` or `route:` in its `match` and remove `learning`");
  const bool attached_to_it = std::any_of(match->begin(), match->end(),
                                          [&](const Matcher& matcher) { return matcher.key == by->key; });
  std::vector<Matcher> by_address = *match;
  by_address.push_back(Matcher{.key = "client_ip", .kind = Matcher::Kind::any, .text = ""});
  if (!attached_to_it) match->push_back(*by);
  const std::string name = name_of(plugin);
  add_rule(instance, name, std::move(*match), *limits);
  if (!attached_to_it && by->key != "client_ip") {
    const std::string first = rules_.back().name;
    add_rule(instance, first + "-by-ip", std::move(by_address), *limits);
    rules_[instance.rules.front()].replaces.push_back(rules_.back().name);
    report_.remark(plugin.place,
                   fmt::format("Kong counts by address where a request has no {}: that is the rule {}",
                               by->kind == Matcher::Kind::equal ? "such path" : shown(by->key),
                               quoted(rules_.back().name)));
  }
  instances_.push_back(std::move(instance));
}

/// Only the narrowest instance of a kind runs: its rules replace those of the others.
std::vector<Rule> RuleMaker::finish() {
  std::size_t replaces_count = 0;
  for (const Instance& narrow : instances_)
    for (const Instance& wide : instances_) {
      if (narrow.plugin.kind != wide.plugin.kind || narrow.rank >= wide.rank) continue;
      if (!narrow.plugin.attached || !can_meet(narrow.plugin.scope, wide.plugin.scope)) continue;
      replaces_count += narrow.rules.size() * wide.rules.size();
      if (replaces_count > import_replaces_max) {
        report_.error(
            Place{}, fmt::format("expected plugins that come to at most {} `replaces`, found more; split the "
                                 "file",
                                 import_replaces_max));
        return {};
      }
      for (const std::size_t from : narrow.rules)
        for (const std::size_t to : wide.rules) rules_[from].replaces.push_back(rules_[to].name);
    }
  return std::move(rules_);
}

}  // namespace

std::optional<Imported> import_kong(const std::vector<ForeignNode>& documents, ImportReport& report) {
  RuleMaker maker(report);
  for (const KongPlugin& plugin : find_kong_plugins(documents, report)) maker.add(plugin);
  Imported imported;
  imported.rules.rules = maker.finish();
  if (report.has_errors()) return std::nullopt;
  if (imported.rules.rules.empty())
    report.remark(documents.front().place, "no plugin limits rates here, so there are no rules");
  imported.explanation = {
      "What the gateway has to tell, in one descriptor, of each request: client_ip, and where it knows them",
      "service, route, consumer, consumer_group, credential, path and header.<name>. Kong runs only the "
      "plugin",
      "that is attached most narrowly: hence `replaces`. Windows are aligned to the epoch in both. Other "
      "plugins",
      "than those that limit rates were not looked at.",
  };
  return imported;
}

}  // namespace starling
