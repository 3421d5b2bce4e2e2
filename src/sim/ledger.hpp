/// The truth that no node has: what was really admitted where, and what every node has ever been seen to
/// believe.
///
/// It checks, whenever it is shown what a node believes of a counter:
///   over-admission: when node i makes the last admission, admitted <= limit + what others admitted and i has
///     not joined. It holds for any schedule, any loss and any cost of a request, so a violation is a bug
///     (`design.md` section 4);
///   truth: no view of a component is above what that origin really admitted;
///   own: a node knows its own hits to the last one;
///   growth: no component that a node once saw is ever seen smaller, or gone, by the same life of that node;
///   sum: the merged value is the sum of the components.
/// A node whose wall clock has passed a window may have dropped it, and starts it anew if the clock goes
/// back: of that window no growth is demanded of it any more.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "counter/counter_table.hpp"
#include "engine/view.hpp"

namespace starling::sim {

class Ledger {
 public:
  /// A window of one limit of one principal, for people.
  struct Key {
    std::string rule;
    std::uint32_t window_s = 0;
    std::uint64_t window_id = 0;
    std::string principal;
  };

  struct Entry {
    Hits limit = 0;
    Hits admitted = 0;
    std::uint64_t offered = 0;
    std::uint64_t false_rejections = 0;  ///< denied although the cluster as a whole had room
    std::vector<CounterView::Share> by_origin;

    Hits admitted_by(OriginId origin) const;
  };

  /// What one life of a node was seen to believe of one counter.
  struct Observer {
    OriginId node;
    std::vector<CounterView::Share> seen;
    bool forgot = false;   ///< it may have dropped the counter
    bool refused = false;  ///< it was told something that it had no room for, or would not take in
  };

  /// One counter, and all that is known of it.
  struct Counter {
    CounterId id;
    Key key;
    Entry entry;
    std::vector<Observer> observers;
    /// A datagram of a dead origin's own came late and told somebody more than what others can know: what was
    /// published again is not in what they were sent for the version before.
    bool heard_the_dead = false;

    Observer& observer(OriginId node);
    const Observer* find_observer(OriginId node) const;
  };

  struct View {
    OriginId observer;
    Hits total = 0;
    std::span<const CounterView::Share> shares;
    bool admitted_now = false;        ///< it has just admitted something here
    bool may_have_forgotten = false;  ///< its clock has passed the time at which the counter is dropped
  };

  /// False: packets are forged that nodes cannot but believe, so `truth` is not demanded.
  bool demands_truth = true;

  /// Adds or finds.
  Counter& counter(const CounterId& id, std::string_view rule, std::string_view principal, Hits limit);
  Counter* find(const CounterId& id);

  static void on_admitted(Counter& counter, OriginId origin, Hits hits);
  static void on_denied(Counter& counter, Hits hits);

  /// Returns what is broken, or an empty text.
  std::string check(Counter& counter, const View& view) const;

  /// In the order of their first requests.
  std::deque<Counter>& counters() { return counters_; }
  /// The same, for figures: pairs of what it is and what happened there.
  std::vector<std::pair<const Key&, const Entry&>> entries() const;

 private:
  std::deque<Counter> counters_;
  std::unordered_map<CounterId, std::size_t, absl::Hash<CounterId>> index_;
};

}  // namespace starling::sim
