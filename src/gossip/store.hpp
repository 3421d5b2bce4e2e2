/// What gossip needs of the counters. It knows no more of its payload than this.
#pragma once

#include <span>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "wire/messages.hpp"

namespace starling {

class GossipStore {
 public:
  virtual ~GossipStore() = default;

  /// The component as an entry; its `version` is left alone.
  virtual void read(ComponentIndex component, wire::DeltaEntry& entry) const = 0;

  struct Own {
    ComponentIndex component = no_component;  ///< no_component: this node has counted nothing there
    Hits hits = 0;
    Hits value = 0;  ///< merged, of the whole counter
  };
  /// What this node itself has counted in the counter that `component` belongs to.
  virtual Own own_beside(ComponentIndex component) const = 0;

  /// This node's own `component` is being told to everybody as `hits`.
  virtual void on_published(ComponentIndex component, Hits hits, Instant now) = 0;

  /// True if the entry's window is over by our clock: nobody needs it any more.
  virtual bool is_over(const wire::DeltaEntry& entry) const = 0;

  /// A component that will probably be raised, or made, and this node's own of the same counter, now or once
  /// it counts there. `no_component`: nobody knows yet.
  struct Expected {
    ComponentIndex component = no_component;
    ComponentIndex own = no_component;
  };
  static constexpr std::size_t expected_max = 32;
  /// Brings near what `join` of each of these entries will look at, and says where that is. At most
  /// `expected_max`; `where` is as long.
  virtual void expect(OriginIndex origin, std::span<const wire::DeltaEntry> entries,
                      std::span<Expected> where) const = 0;

  /// Raises the component of `origin` to at least `entry.count`. Errors (state unchanged): table_full,
  /// window_out_of_range.
  virtual Result<ComponentIndex> join(OriginIndex origin, const wire::DeltaEntry& entry) = 0;
};

}  // namespace starling
