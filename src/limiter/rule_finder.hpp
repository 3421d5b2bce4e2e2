/// Which rules may fit a descriptor, without trying them all, in the order in which they stand.
///
/// A rule fits only if all that it asks for is there, so it is enough to look for it under one thing: its
/// anchor, which is what the fewest rules ask for. An equal value is found by one lookup, a prefix by one for
/// each length that prefixes of the key have, any value of a key by one. What remains to be tried are the
/// rules that share an anchor. So ten thousand rules for as many paths cost a request two lookups.
///
/// Rules that several anchors lead to are merged by their place, so whoever stops early (a request is held to
/// 128 limits) has seen the first of them.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <starling/request.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

class RuleFinder {
 public:
  /// So few are tried one by one.
  static constexpr std::size_t tried_one_by_one_max = 6;

  /// `rules`: indices in `all`, ascending. Views of `all` are kept.
  void build(std::span<const Rule> all, std::vector<std::uint32_t> rules);

  bool empty() const { return rules_.empty(); }

  /// Calls `visit` with each rule that may fit, in order and once, until it returns false; then this returns
  /// false too. No allocation.
  template <class Visit>
  bool for_each_candidate(const Descriptor& descriptor, const Visit& visit) {
    if (anchors_.empty()) return std::all_of(rules_.begin(), rules_.end(), visit);
    find_lists(descriptor);
    if (lists_.size() == 1) return std::all_of(lists_[0].begin(), lists_[0].end(), visit);
    std::make_heap(lists_.begin(), lists_.end(), later);
    for (std::uint32_t last = no_rule_yet; !lists_.empty();) {
      std::pop_heap(lists_.begin(), lists_.end(), later);
      List& list = lists_.back();
      const std::uint32_t rule = list.front();
      list = list.subspan(1);
      if (list.empty())
        lists_.pop_back();
      else
        std::push_heap(lists_.begin(), lists_.end(), later);
      if (rule != last && !visit(rule)) return false;
      last = rule;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t no_rule_yet = 0xFFFF'FFFF;

  using List = std::span<const std::uint32_t>;
  static bool later(const List& a, const List& b) { return a.front() > b.front(); }

  /// What rules are anchored at under one key.
  struct Key {
    bool has_equal = false;
    std::vector<std::size_t> prefix_bytes;  // lengths there are; 0 for any value
  };
  static std::uint64_t hash_of(std::string_view key, Matcher::Kind kind, std::string_view text);
  static std::uint64_t hash_of(const Matcher& matcher) {
    return hash_of(matcher.key, kind_of(matcher), matcher.text);
  }
  /// Any value is one that begins with nothing.
  static Matcher::Kind kind_of(const Matcher& matcher) {
    return matcher.kind == Matcher::Kind::any ? Matcher::Kind::prefix : matcher.kind;
  }

  using Counts = absl::flat_hash_map<std::uint64_t, std::size_t>;
  void anchor(const Rule& rule, std::uint32_t index, const Counts& asked);
  /// Fills `lists_` with those that hold what may fit.
  void find_lists(const Descriptor& descriptor);
  void add_list(std::uint64_t hash);

  std::vector<std::uint32_t> rules_;   // all
  std::vector<std::uint32_t> always_;  // without a match
  absl::flat_hash_map<std::string_view, Key> keys_;
  // By hash of the anchor. Two that share one by chance share a list; whoever visits it finds what fits.
  absl::flat_hash_map<std::uint64_t, std::vector<std::uint32_t>> anchors_;
  std::vector<List> lists_;  // scratch, with room for all there can be
};

}  // namespace starling
