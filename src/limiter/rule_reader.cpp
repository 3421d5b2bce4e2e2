#include "limiter/rule_reader.hpp"

#include <set>

#include "base/shown_text.hpp"
#include "limiter/exceptions_reader.hpp"
#include "limiter/limits_reader.hpp"
#include "limiter/match_reader.hpp"

namespace starling {
namespace {

PlacedRule::Place place_of(const YAML::Node& node) {
  return {node.Mark().line + 1, node.Mark().column + 1};
}

class RuleReader {
 public:
  explicit RuleReader(YamlReader& reader) : reader_(reader) {}

  PlacedRule read(const YAML::Node& node, const std::string& file);

 private:
  void read_plain_keys(const YAML::Node& node);
  void read_replaces(const YAML::Node& node);
  void demand_the_whole(const YAML::Node& node);
  void warn_of_oddities(const YAML::Node& node);

  YamlReader& reader_;
  PlacedRule placed_;
  Rule& rule_ = placed_.rule;
  bool has_match_ = false;
  bool has_limits_ = false;
  // What refers to `match` is read last, wherever it stands.
  std::optional<YAML::Node> unlimited_;
  std::optional<YAML::Node> overrides_;
  std::optional<YAML::Node> enforcing_;
  std::optional<YAML::Node> ignoring_;
};

PlacedRule RuleReader::read(const YAML::Node& node, const std::string& file) {
  const std::size_t errors_before = reader_.errors_count();
  placed_.place = place_of(node);
  rule_.from = fmt::format("{}:{}", file, placed_.place.line);
  read_plain_keys(node);
  if (reader_.errors_count() == errors_before) demand_the_whole(node);
  ExceptionsReader exceptions(reader_, rule_);
  if (overrides_) exceptions.read_overrides(*overrides_);
  if (enforcing_) exceptions.read_callers(*enforcing_, "enforcing", rule_.enforcing);
  if (ignoring_) exceptions.read_callers(*ignoring_, "ignoring", rule_.ignoring);
  if (enforcing_ && ignoring_) exceptions.warn_of_contradictions(*ignoring_);
  placed_.sound = reader_.errors_count() == errors_before;
  if (placed_.sound) warn_of_oddities(node);
  return std::move(placed_);
}

void RuleReader::read_plain_keys(const YAML::Node& node) {
  using Node = YAML::Node;
  const auto flag = [this](std::string_view what, auto& out) {
    return [this, what, &out](const Node& value) {
      if (const auto said = reader_.read_flag(value, what)) out = *said;
    };
  };
  const auto choice = [this](std::string_view what, const auto& names, auto& out) {
    return [this, what, &names, &out](const Node& value) { reader_.read_choice(value, what, names, out); };
  };
  const auto later = [](std::optional<Node>& out) {
    return [&out](const Node& value) { out.emplace(value); };
  };
  reader_.read_map(
      node, "rule",
      {{"name",
        [&](const Node& value) {
          if (auto name = reader_.read_name(value, "rule: name")) rule_.name = std::move(*name);
        }},
       {"match",
        [&](const Node& value) {
          has_match_ = true;
          rule_.match = read_match(reader_, value, "match");
        }},
       {"exact", flag("rule: exact", rule_.exact)},
       {"limits",
        [&](const Node& value) {
          has_limits_ = true;
          rule_.limits = read_limits(reader_, value);
        }},
       {"unlimited",
        [&](const Node& value) {
          unlimited_.emplace(value);
          if (const auto said = reader_.read_flag(value, "rule: unlimited")) rule_.unlimited = *said;
        }},
       {"algorithm", choice("rule: algorithm", algorithm_names, rule_.algorithm)},
       {"admission", choice("rule: admission", admission_names, rule_.admission)},
       {"when_isolated", choice("rule: when_isolated", when_isolated_names, rule_.when_isolated)},
       {"when_full", choice("rule: when_full", when_full_names, rule_.when_full)},
       {"learning", flag("rule: learning", rule_.learning)},
       {"overrides", later(overrides_)},
       {"enforcing", later(enforcing_)},
       {"ignoring", later(ignoring_)},
       {"replaces", [&](const Node& value) { read_replaces(value); }}});
}

void RuleReader::read_replaces(const YAML::Node& node) {
  if (!reader_.is_list(node, "rule: replaces", "names of rules", rules_max)) return;
  std::set<std::string> seen;
  for (const YAML::Node& item : node) {
    if (reader_.gives_up()) return;
    auto name = reader_.read_name(item, "rule: replaces");
    if (!name || !reader_.spend(item, name->size())) continue;
    if (!seen.insert(*name).second) {
      reader_.error(item.Mark(),
                    fmt::format("rule: replaces: {} is there twice; remove one of the two", quoted(*name)));
      continue;
    }
    rule_.replaces.push_back(std::move(*name));
    placed_.replaces.push_back(place_of(item));
  }
}

void RuleReader::demand_the_whole(const YAML::Node& node) {
  if (rule_.name.empty()) reader_.error(node.Mark(), "rule: expected a `name`, found none");
  if (!has_match_)
    reader_.error(node.Mark(),
                  "rule: expected a `match`, found none; `match: {principal: \"*\"}` holds each principal to "
                  "its own limit");
  if (has_limits_ && rule_.unlimited)
    reader_.error(unlimited_->Mark(),
                  "rule: unlimited: expected either `limits` or `unlimited: true`, found both; remove one");
  if (!has_limits_ && !rule_.unlimited)
    reader_.error(
        node.Mark(),
        "rule: expected `limits`, found none; for example `limits: [{requests: 100, per: 10s}]`, or "
        "`unlimited: true`");
}

void RuleReader::warn_of_oddities(const YAML::Node& node) {
  const auto is_all = [&](const Override& each) {
    return std::all_of(each.match.begin(), each.match.end(),
                       [&](const Matcher& matcher) { return is_implied(rule_, matcher); });
  };
  if (overrides_ && rule_.overrides.empty())
    reader_.warn(overrides_->Mark(), "rule: overrides: an empty list; leave the key out");
  if (std::any_of(rule_.overrides.begin(), rule_.overrides.end(), is_all))
    reader_.warn(
        overrides_->Mark(),
        fmt::format("rule: overrides: one of them is for everything that {} matches, so it takes the "
                    "place of the rule's own limits; change those instead",
                    quoted(rule_.name)));
  // Envoy's reference stops at the first match, so who comes from there may expect that.
  if (rule_.unlimited && rule_.replaces.empty() && rule_.overrides.empty() && !rule_.exact)
    reader_.warn(
        node.Mark(),
        fmt::format("rule: {} is unlimited, and exempts nobody from the other rules that match; name "
                    "those in `replaces`",
                    quoted(rule_.name)));
}

}  // namespace

PlacedRule read_rule(YamlReader& reader, const YAML::Node& node, const std::string& file) {
  return RuleReader(reader).read(node, file);
}

}  // namespace starling
