#include "limiter/rules.hpp"

#include <algorithm>

#include "counter/window.hpp"

namespace starling {

bool Matcher::matches(std::string_view value) const {
  switch (kind) {
    case Kind::equal:
      return value == text;
    case Kind::any:
      return true;
    case Kind::prefix:
      return value.starts_with(text);
  }
  return false;
}

std::string Matcher::to_string() const {
  return kind == Kind::equal ? text : text + "*";
}

std::uint32_t Rule::window_s_smallest() const {
  std::uint32_t smallest = window_s_max;
  for (const Limit& limit : limits) smallest = std::min(smallest, limit.window_s);
  for (const Override& other : overrides)
    for (const Limit& limit : other.limits) smallest = std::min(smallest, limit.window_s);
  return smallest;
}

RuleSet RuleSet::built_in() {
  RuleSet set;
  set.rules.push_back(Rule{.name = "per-principal",
                           .match = {Matcher{.key = "principal", .kind = Matcher::Kind::any, .text = ""}},
                           .limits = {Limit{.requests = 100, .window_s = 10}}});
  return set;
}

std::uint32_t RuleSet::window_s_smallest() const {
  std::uint32_t smallest = window_s_max;
  for (const Rule& rule : rules) smallest = std::min(smallest, rule.window_s_smallest());
  return smallest;
}

}  // namespace starling
