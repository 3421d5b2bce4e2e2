#include "import/envoy_lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "import/pattern_index.hpp"

namespace starling {
namespace {

using Descriptors = std::vector<EnvoyDescriptor>;

class Walk {
 public:
  explicit Walk(ImportReport& report) : report_(report) {}

  std::vector<EnvoyLookup> all(const EnvoyTree& tree);

 private:
  using Tuple = std::pair<Place, std::vector<std::string>>;  ///< its keys, and where its first limit stands
  /// The children of a list that have one key, in the order in which they are tried.
  using ByKey = std::unordered_map<std::string, std::vector<const EnvoyDescriptor*>>;

  void gather(const Descriptors& list);
  void walk(const Descriptors& list, EnvoyLookup& lookup);
  void add(const EnvoyLookup& of, std::vector<EnvoyOutcome>& to, const EnvoyDescriptor* descriptor);

  ImportReport& report_;
  std::vector<std::string> keys_;                          ///< while gathering: from the top to where we are
  std::vector<Tuple> tuples_;                              ///< that lead to a limit
  std::map<std::vector<std::string>, std::size_t> known_;  ///< the same, to find them
  std::unordered_map<const Descriptors*, ByKey> by_key_;
  std::vector<Matcher> pattern_;  ///< while walking
  std::size_t outcomes_count_ = 0;
};

void Walk::gather(const Descriptors& list) {
  ByKey& by_key = by_key_[&list];
  for (const EnvoyDescriptor& descriptor : list) {
    by_key[descriptor.matcher.key].push_back(&descriptor);
    keys_.push_back(descriptor.matcher.key);
    if (descriptor.limit) {
      const auto [known, is_new] = known_.emplace(keys_, tuples_.size());
      if (is_new)
        tuples_.emplace_back(descriptor.place, keys_);
      else if (descriptor.place.line < tuples_[known->second].first.line)
        tuples_[known->second].first = descriptor.place;
    }
    if (!descriptor.descriptors.empty()) gather(descriptor.descriptors);
    keys_.pop_back();
  }
}

void Walk::add(const EnvoyLookup& of, std::vector<EnvoyOutcome>& to, const EnvoyDescriptor* descriptor) {
  if (++outcomes_count_ > envoy_outcomes_max) return;
  EnvoyOutcome outcome{.pattern = pattern_, .descriptor = descriptor};
  for (std::size_t depth = pattern_.size(); depth < of.keys.size(); ++depth)
    outcome.pattern.push_back(Matcher{.key = of.keys[depth], .kind = Matcher::Kind::any, .text = ""});
  to.push_back(std::move(outcome));
}

void Walk::walk(const Descriptors& list, EnvoyLookup& lookup) {
  const ByKey& by_key = by_key_[&list];
  const auto children = by_key.find(lookup.keys[pattern_.size()]);
  if (children == by_key.end()) return;
  for (const EnvoyDescriptor* child : children->second) {
    if (outcomes_count_ > envoy_outcomes_max) return;
    pattern_.push_back(child->matcher);
    if (pattern_.size() < lookup.keys.size()) {
      if (!child->descriptors.empty()) walk(child->descriptors, lookup);
      add(lookup, lookup.outcomes, nullptr);
    } else {
      add(lookup, lookup.outcomes, child->limit ? child : nullptr);
    }
    pattern_.pop_back();
  }
}

/// Leaves out what can never be first, and what hides nothing.
void prune(EnvoyLookup& lookup, ImportReport& report) {
  PatternIndex seen;
  std::vector<EnvoyOutcome> reached;
  for (EnvoyOutcome& outcome : lookup.outcomes) {
    const bool hidden = seen.any_near(
        outcome.pattern, [&](std::size_t other) { return covers(reached[other].pattern, outcome.pattern); });
    if (!hidden) {
      seen.add(outcome.pattern, reached.size());
      reached.push_back(std::move(outcome));
    } else if (outcome.descriptor != nullptr) {
      report.remark(outcome.descriptor->place,
                    "nothing ever falls here, for a neighbour is tried first and takes it all; left out");
    }
  }
  PatternIndex limits;
  std::vector<EnvoyOutcome> kept;
  for (std::size_t i = reached.size(); i-- > 0;) {
    const bool hides = limits.any_near(reached[i].pattern, [&](std::size_t other) {
      return overlap(kept[other].pattern, reached[i].pattern);
    });
    if (reached[i].descriptor == nullptr && !hides) continue;
    if (reached[i].descriptor != nullptr) limits.add(reached[i].pattern, kept.size());
    kept.push_back(std::move(reached[i]));
  }
  std::reverse(kept.begin(), kept.end());
  lookup.outcomes = std::move(kept);
}

std::vector<EnvoyLookup> Walk::all(const EnvoyTree& tree) {
  gather(tree.descriptors);
  // In the order of the file; the tree's own is that in which values are tried.
  std::sort(tuples_.begin(), tuples_.end(), [](const Tuple& a, const Tuple& b) {
    return std::pair(a.first.line, a.first.column) < std::pair(b.first.line, b.first.column);
  });
  std::vector<EnvoyLookup> lookups;
  for (const auto& [place, keys] : tuples_) {
    EnvoyLookup lookup{.keys = keys, .outcomes = {}};
    walk(tree.descriptors, lookup);
    if (outcomes_count_ > envoy_outcomes_max) {
      report_.error(Place{},
                    fmt::format("expected a tree of which each kind of descriptor meets few values, found "
                                "more than {} combinations; split the file",
                                envoy_outcomes_max));
      return {};
    }
    prune(lookup, report_);
    lookups.push_back(std::move(lookup));
  }
  return lookups;
}

}  // namespace

bool overlap(const Matcher& a, const Matcher& b) {
  if (a.kind == Matcher::Kind::equal) return b.matches(a.text);
  if (b.kind == Matcher::Kind::equal) return a.matches(b.text);
  return a.text.starts_with(b.text) || b.text.starts_with(a.text);
}

bool overlap(const std::vector<Matcher>& a, const std::vector<Matcher>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!overlap(a[i], b[i])) return false;
  return true;
}

bool covers(const Matcher& outer, const Matcher& inner) {
  if (outer.kind == Matcher::Kind::any) return true;
  if (inner.kind == Matcher::Kind::equal) return outer.matches(inner.text);
  return outer.kind == Matcher::Kind::prefix && inner.text.starts_with(outer.text);
}

bool covers(const std::vector<Matcher>& outer, const std::vector<Matcher>& inner) {
  for (std::size_t i = 0; i < outer.size(); ++i)
    if (!covers(outer[i], inner[i])) return false;
  return true;
}

std::vector<EnvoyLookup> envoy_lookups(const EnvoyTree& tree, ImportReport& report) {
  return Walk(report).all(tree);
}

}  // namespace starling
