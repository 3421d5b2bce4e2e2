#include "limiter/exceptions_reader.hpp"

#include <map>
#include <set>

#include "base/shown_text.hpp"
#include "limiter/limits_reader.hpp"
#include "limiter/match_reader.hpp"

namespace starling {
namespace {

const Matcher* find(const Rule& rule, std::string_view key) {
  for (const Matcher& matcher : rule.match)
    if (matcher.key == key) return &matcher;
  return nullptr;
}

/// True if some value fits both.
bool overlap(const Matcher& a, const Matcher& b) {
  if (a.kind == Matcher::Kind::equal) return b.matches(a.text);
  if (b.kind == Matcher::Kind::equal) return a.matches(b.text);
  return a.text.starts_with(b.text) || b.text.starts_with(a.text);  // `*` is the empty prefix
}

/// Why no descriptor that `rule` matches fits `matcher`; empty if one can.
std::string obstacle(const Rule& rule, const Matcher& matcher) {
  if (rule.match.empty()) return "";
  const Matcher* own = find(rule, matcher.key);
  if (own != nullptr && !overlap(*own, matcher))
    return fmt::format("`{}: {}` can never be met: the rule itself matches only {}", shown(matcher.key),
                       shown(matcher.to_string()), quoted(own->to_string()));
  if (own == nullptr && rule.exact)
    return fmt::format("`{}` can never be met: the rule is exact, and that is no key of its `match`",
                       shown(matcher.key));
  return "";
}

bool tells_apart(const Matcher& matcher) {
  return matcher.kind != Matcher::Kind::equal;
}

std::string identity(const Caller& caller) {
  return caller.match.empty() ? "text:" + caller.principal : "map:" + identity(caller.match);
}

std::string shown_caller(const Caller& caller) {
  if (caller.match.empty()) return quoted(caller.principal);
  std::string out;
  for (const Matcher& matcher : caller.match)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", matcher.key, matcher.to_string());
  return fmt::format("{{{}}}", shown(out));
}

}  // namespace

bool is_implied(const Rule& rule, const Matcher& matcher) {
  const Matcher* own = find(rule, matcher.key);
  if (own == nullptr) return false;
  if (own->kind == Matcher::Kind::equal) return matcher.matches(own->text);
  return matcher.kind != Matcher::Kind::equal && own->text.starts_with(matcher.text);
}

void ExceptionsReader::demand_meetable(const YAML::Node& node, std::string_view what,
                                       const std::vector<Matcher>& match) {
  for (const Matcher& matcher : match)
    if (const std::string why = obstacle(rule_, matcher); !why.empty())
      return reader_.error(node.Mark(), fmt::format("{}: {}", what, why));
}

void ExceptionsReader::read_overrides(const YAML::Node& node) {
  if (!reader_.is_list(node, "rule: overrides", "overrides", overrides_per_rule_max)) return;
  std::map<std::string, int> lines;
  for (const YAML::Node& item : node) {
    if (reader_.gives_up()) return;
    const std::size_t errors_before = reader_.errors_count();
    Override read = read_override(item);
    if (reader_.errors_count() != errors_before) continue;
    const auto [first, fresh] = lines.emplace(identity(read.match), item.Mark().line + 1);
    if (!fresh)
      reader_.error(item.Mark(),
                    fmt::format("override: the same match as the override in line {}; make one of "
                                "the two",
                                first->second));
    rule_.overrides.push_back(std::move(read));
  }
}

Override ExceptionsReader::read_override(const YAML::Node& node) {
  const std::size_t errors_before = reader_.errors_count();
  Override read;
  bool has_match = false;
  bool has_limits = false;
  reader_.read_map(node, "override",
                   {{"match",
                     [&](const YAML::Node& value) {
                       has_match = true;
                       read.match = read_match(reader_, value, "override: match");
                       demand_meetable(value, "override: match", read.match);
                     }},
                    {"limits",
                     [&](const YAML::Node& value) {
                       has_limits = true;
                       read.limits = read_limits(reader_, value);
                     }},
                    {"unlimited",
                     [&](const YAML::Node& value) {
                       if (const auto said = reader_.read_flag(value, "override: unlimited"))
                         read.unlimited = *said;
                     }},
                    {"learning", [&](const YAML::Node& value) {
                       read.learning = reader_.read_flag(value, "override: learning");
                     }}});
  if (reader_.errors_count() != errors_before) return read;
  if (!has_match)
    reader_.error(node.Mark(),
                  "override: expected a `match`, found none; for example `match: {principal: alice}`");
  if (has_limits && read.unlimited)
    reader_.error(node.Mark(),
                  "override: expected either `limits` or `unlimited: true`, found both; remove one");
  if (!has_limits && !read.unlimited && !read.learning)
    reader_.error(node.Mark(),
                  "override: expected `limits`, `unlimited: true` or `learning`, found none of them");
  return read;
}

void ExceptionsReader::read_callers(const YAML::Node& node, std::string_view list, std::vector<Caller>& out) {
  const std::string what = fmt::format("rule: {}", list);
  if (!reader_.is_list(node, what, "callers", callers_per_list_max)) return;
  std::set<std::string> seen;
  for (const YAML::Node& item : node) {
    if (reader_.gives_up()) return;
    const std::size_t errors_before = reader_.errors_count();
    Caller caller = read_caller(item, list);
    if (reader_.errors_count() != errors_before) continue;
    if (!seen.insert(identity(caller)).second)
      reader_.error(item.Mark(),
                    fmt::format("{}: {} is there twice; remove one of the two", what, shown_caller(caller)));
    out.push_back(std::move(caller));
  }
}

Caller ExceptionsReader::read_caller(const YAML::Node& node, std::string_view list) {
  if (node.IsScalar()) return read_principal(node, list);
  Caller caller;
  const std::string what = fmt::format("rule: {}", list);
  if (!node.IsMap()) {
    reader_.expected(node, what, "a text such as alice, or a map such as {principal: alice}");
    return caller;
  }
  caller.match = read_match(reader_, node, what);
  demand_meetable(node, what, caller.match);
  return caller;
}

Caller ExceptionsReader::read_principal(const YAML::Node& node, std::string_view list) {
  const std::string what = fmt::format("rule: {}", list);
  Caller caller;
  const auto name = reader_.read_name(node, what);
  if (!name || !reader_.spend(node, name->size())) return caller;
  caller.principal = *name;
  const auto fits = [&](const Matcher& matcher) { return tells_apart(matcher) && matcher.matches(*name); };
  if (name->ends_with('*')) {
    reader_.expected(node, what,
                     fmt::format("a whole value; a prefix is written {{KEY: {}}}", quoted(*name)));
  } else if (rule_.match.empty()) {
    // said already
  } else if (std::none_of(rule_.match.begin(), rule_.match.end(), tells_apart)) {
    reader_.expected(node, what,
                     "a map of entries, as this rule has no key with `*` that tells callers apart");
  } else if (std::none_of(rule_.match.begin(), rule_.match.end(), fits)) {
    reader_.error(node.Mark(),
                  fmt::format("{}: {} can never be met: no key of this rule's `match` that tells "
                              "callers apart fits it",
                              what, quoted(*name)));
  }
  return caller;
}

void ExceptionsReader::warn_of_contradictions(const YAML::Node& node) {
  std::set<std::string> enforced;
  for (const Caller& caller : rule_.enforcing) enforced.insert(identity(caller));
  for (const Caller& caller : rule_.ignoring)
    if (enforced.contains(identity(caller)))
      reader_.warn(node.Mark(),
                   fmt::format("rule: {} is in `enforcing` and in `ignoring`, so it only learns; "
                               "remove it from one of the two",
                               shown_caller(caller)));
}

}  // namespace starling
