/// The lists `enforcing` and `ignoring`: callers who are denied although the rule learns, and callers who are
/// never denied.
///
/// A caller is named by a bare value, which may be that of any key by which the rule tells callers apart, or
/// by entries of the descriptor.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <span>
#include <string_view>
#include <vector>

#include "limiter/match_index.hpp"
#include "limiter/rules.hpp"

namespace starling {

/// The lists that a caller is in.
struct Listed {
  bool enforcing = false;
  bool ignoring = false;

  bool anywhere() const { return enforcing || ignoring; }
  void add(Listed other) {
    enforcing = enforcing || other.enforcing;
    ignoring = ignoring || other.ignoring;
  }
};

class CallerLists {
 public:
  /// One of `principal` and `match` is given; both are kept as views and must outlive the lists.
  void add(std::string_view principal, std::span<const Matcher> match, Listed lists);
  void clear();
  bool empty() const { return by_principal_.empty() && by_match_.empty(); }

  /// Where a caller is listed whom `rule_match` tells apart. O(1) in the number of callers named by a value.
  Listed find(std::span<const Matcher> rule_match, const Descriptor& descriptor) const;
  /// The same where every entry tells callers apart.
  Listed find(const Descriptor& descriptor) const;

 private:
  Listed find_principal(std::string_view value) const;
  Listed find_match(const Descriptor& descriptor) const;

  absl::flat_hash_map<std::string_view, Listed> by_principal_;
  MatchIndex by_match_;
  std::vector<Listed> lists_;  // by id in `by_match_`
};

}  // namespace starling
