/// The truth that no node has: what was really admitted where, and what every node has ever been seen to
/// believe.
///
/// It checks, after every step:
///   over-admission: when node i makes the last admission, admitted <= limit + what others admitted and i has
///   not
///     joined. It holds for any schedule and any loss, so a violation is a bug (`design.md` section 4; with
///     requests that cost more than one hit, the largest cost is added);
///   truth: no view of a component is above what that origin really admitted;
///   growth: no component that a node once saw is ever seen smaller, or gone, by the same life of that node.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "engine/view.hpp"

namespace starling::sim {

class Ledger {
 public:
  /// A window of one limit of one principal.
  struct Key {
    std::string rule;
    std::uint32_t window_s = 0;
    std::uint64_t window_id = 0;
    std::string principal;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  struct Entry {
    Hits limit = 0;
    Hits admitted = 0;
    std::uint64_t offered = 0;
    std::uint64_t false_rejections = 0;  ///< denied although the cluster as a whole had room
    std::map<OriginId, Hits> by_origin;
  };

  void on_admitted(const Key& key, Hits limit, OriginId origin, Hits hits);
  void on_denied(const Key& key, Hits limit, Hits hits);

  /// Checks the view of node `observer` right after it admitted (`admitted_now`) or at any other time.
  /// Returns what is broken, or an empty text.
  std::string check(const Key& key, OriginId observer, const CounterView& view, bool admitted_now);

  const std::map<Key, Entry>& entries() const { return entries_; }
  const Entry* find(const Key& key) const;
  /// Windows that ended are no longer checked.
  void forget_before(std::uint64_t now_s);
  /// Windows that ended before `now_s` are dropped altogether: for runs of very many windows.
  void drop_before(std::uint64_t now_s);

 private:
  Entry& entry_of(const Key& key);

  std::map<Key, Entry> entries_;
  std::map<Key, Entry>::value_type* last_ = nullptr;  // most requests go where the one before went
  std::map<std::pair<Key, OriginId>, std::map<OriginId, Hits>> seen_;
};

}  // namespace starling::sim
