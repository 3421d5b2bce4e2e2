/// Guarded admission: a node may only spend what the others can afford not to know of.
///
/// Optimistic nodes all see the same remaining budget and all spend it; what they admit in the time that news
/// takes, offered rate x delay, is admitted too much. So here each of N nodes holds the hits that its peers
/// cannot have seen yet to its share of what remains: all together they then have no more in the dark than
/// what is left. As the budget shrinks the shares do, and the rate slows down to what news can follow.
/// The hard case is the end, when a share is less than one hit: then nodes take turns. Time is cut into slots
/// of the peer delay D, and in each slot as many nodes as hits remain may admit one request, if all that they
/// admitted before is known.
///
/// What is unseen: hits not published, and those published less than D ago. A row per component keeps two
/// steps of its published count, `settled` and `pending`; a step is D long or a little more, so a hit counts
/// as unseen for D to 2 D.
///
/// Tried and left: larger shares (1.5 and 2 times remaining / N: at 100 times the limit 0.1 and 0.4 % too
/// much instead of 0, for a third fewer false rejections), fewer or more turns per slot (half: no gain and
/// twice the false rejections; twice: 0.1 % too much).
///
/// Source: `design.md` section 5; the numbers are in protocol/README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.hpp"
#include "base/zeroed_array.hpp"
#include "limiter/surroundings.hpp"

namespace starling {

/// Where the limit leaves each node fewer hits than this, `admission: guarded` is optimistic: a share this
/// small would turn away more than it saves.
inline constexpr Hits guarded_share_min = 4;

class Guard {
 public:
  explicit Guard(std::size_t components_max) : rows_(components_max) {}

  /// Follows this node's `component` from its first hit on.
  void follow(ComponentIndex component) { rows_[component.value].followed = true; }

  /// Hits of this node's `component` that peers may not have seen, out of `own`. O(1). Those of a component
  /// that was not followed yet, because its rule has only now become guarded, are taken for seen.
  Hits unseen(ComponentIndex component, Hits own, const Surroundings& around);

  /// The count of this node's `component` is on its way to every peer. Does nothing if it is not followed.
  void on_published(ComponentIndex component, Hits hits, Instant now);
  /// The component is gone; its row may come back as another.
  void forget(ComponentIndex component);

  struct Spending {
    Hits remaining = 0;  ///< in the merged view; at least `hits`
    Hits unseen = 0;     ///< of this node, in the dark
    Hits hits = 1;       ///< what the request costs
    /// Keep the second half of each slot free, in which the news of the first half arrives. Else a node whose
    /// turn comes right after another's may not know of it, and a hit in ten thousand is admitted too much;
    /// the price is twice as many false rejections at the end of the limit.
    bool exact = false;
  };
  static bool admits(const Spending& spending, const Surroundings& around);

 private:
  struct Row {         // all zeros: not followed
    Hits settled = 0;  ///< published at least D ago
    Hits pending = 0;  ///< published at `pending_at`
    Hits latest = 0;   ///< published, the last time at `latest_at`
    Instant pending_at{};
    Instant latest_at{};
    bool has_pending = false;
    bool followed = false;
  };

  ZeroedArray<Row> rows_;
};

}  // namespace starling
