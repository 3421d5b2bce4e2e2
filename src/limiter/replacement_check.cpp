#include "limiter/replacement_check.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/shown_text.hpp"

namespace starling {
namespace {

enum class Visit : std::uint8_t { none, open, done };

struct Step {
  std::size_t rule = 0;
  std::size_t next = 0;  ///< which name of its `replaces` comes next
};

std::string circle_text(std::span<const Rule* const> rules, std::span<const Step> path) {
  constexpr std::size_t shown_max = 3;
  const std::string_view first = rules[path.front().rule]->name;
  if (path.size() == 1)
    return fmt::format("rule: replaces: {} replaces itself, so it would never apply; remove that",
                       quoted(first));
  std::string text = quoted(first);
  for (std::size_t i = 1; i < path.size() && i < shown_max; ++i)
    text += fmt::format(" replaces {}", quoted(rules[path[i].rule]->name));
  if (path.size() > shown_max) text += fmt::format(" replaces {} more", path.size() - shown_max);
  return fmt::format("rule: replaces: a circle: {} replaces the first; none would apply; open it", text);
}

}  // namespace

std::vector<ReplacementCircle> replacement_circles(std::span<const Rule* const> rules) {
  std::unordered_map<std::string_view, std::size_t> index_of;
  for (std::size_t i = 0; i < rules.size(); ++i) index_of.emplace(rules[i]->name, i);
  std::vector<Visit> visits(rules.size(), Visit::none);
  std::vector<ReplacementCircle> circles;
  std::vector<Step> path;
  for (std::size_t start = 0; start < rules.size(); ++start) {
    if (visits[start] != Visit::none) continue;
    path.push_back(Step{start});
    visits[start] = Visit::open;
    while (!path.empty()) {
      Step& here = path.back();
      const Rule& rule = *rules[here.rule];
      if (here.next == rule.replaces.size()) {
        visits[here.rule] = Visit::done;
        path.pop_back();
        continue;
      }
      const std::size_t name_index = here.next++;
      const auto found = index_of.find(rule.replaces[name_index]);
      if (found == index_of.end()) continue;
      if (visits[found->second] == Visit::open) {
        std::size_t begin = 0;
        while (path[begin].rule != found->second) ++begin;
        circles.push_back({&rule, name_index, circle_text(rules, std::span(path).subspan(begin))});
      } else if (visits[found->second] == Visit::none) {
        visits[found->second] = Visit::open;
        path.push_back(Step{found->second});
      }
    }
  }
  return circles;
}

}  // namespace starling
