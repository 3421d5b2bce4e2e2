/// For each origin, its components in the order in which the origin published them.
///
/// A component stands in its origin's log once, at its newest version. So "everything published after v" is a
/// walk over the tail that costs what has changed, no matter how large the table is, and a log truncated to a
/// prefix is still a valid answer about that prefix (the Scuttlebutt rule). The lists are intrusive: arrays
/// indexed by component, reserved once.
///
/// Logs of other origins are kept exactly like our own, from the versions in their packets, so whoever holds
/// an origin's counts can hand them on when the origin itself is gone.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/zeroed_array.hpp"

namespace starling {

class PublishLog {
 public:
  /// Ends of one origin's list.
  struct Ends {
    std::uint32_t list = 0;  ///< which list this is: a component's row may be reused by another origin's
    ComponentIndex oldest = no_component;
    ComponentIndex newest = no_component;
    std::size_t size = 0;

    /// Hashes that took a long walk, kept up to date from then on: a node whose table was full claims an
    /// origin's versions up to the first that it refused, and says so in every heartbeat; what it holds above
    /// may be all of a full table.
    struct KeptHash {
      Version above{hits_max};
      std::uint64_t hash = 0;
    };
    std::array<KeptHash, 2> kept;  ///< the newest first

    /// Where some of them stood when they were the newest, by version: from there on it is not far to
    /// anything. Those that have moved since say so by their version.
    struct Place {
      Version version;
      ComponentIndex component;
    };
    mutable std::vector<Place> places;
    std::uint32_t since_place = 0;  ///< put at the end since the last place was noted
  };

  explicit PublishLog(std::size_t components_max) : links_(components_max) {}

  /// Brings near what `stamp` will look at, in two steps: the first names the places of the second.
  void prefetch(ComponentIndex component) const { links_.prefetch(component.value); }
  void prefetch_neighbours(ComponentIndex component) const {
    if (component.value >= links_.size()) return;
    links_.prefetch(links_[component.value].older.value);
    links_.prefetch(links_[component.value].newer.value);
  }

  /// Puts the component at `version` in the list, unless it stands at that version or a newer one already.
  /// `near` is a component of the same list that stands close by, or none: in-order input costs O(1).
  void stamp(Ends& ends, ComponentIndex component, Version version, ComponentIndex near);
  void remove(Ends& ends, ComponentIndex component);

  /// The component with the lowest version above `version`, or none. `hint` as in `stamp`. Costs what lies
  /// between it and the nearest of: the hint, the ends, every `place_spacing`-th in the order of publication.
  ComponentIndex first_after(const Ends& ends, Version version, ComponentIndex hint) const;

  /// Hash of the versions above `version`, whatever their order; 0 if there are none. Costs what is above, or
  /// nothing if it was asked for lately and was much.
  std::uint64_t hash_above(Ends& ends, Version version) const;

  bool contains(const Ends& ends, ComponentIndex component) const;
  Version version(ComponentIndex component) const { return links_[component.value].version; }
  ComponentIndex newer(ComponentIndex component) const { return links_[component.value].newer; }
  ComponentIndex older(ComponentIndex component) const { return links_[component.value].older; }

 private:
  struct Link {  // all zeros: in no list
    Version version;
    std::uint32_t list = 0;
    ComponentIndex older = no_component;
    ComponentIndex newer = no_component;
  };

  Link& link(ComponentIndex component) { return links_[component.value]; }
  static constexpr std::size_t short_walk_steps = 256;
  static constexpr std::uint32_t place_spacing = 1024;

  bool stands_at(const Ends& ends, const Ends::Place& place) const {
    return links_[place.component.value].version == place.version &&
           links_[place.component.value].list == ends.list;
  }
  void note_place(Ends& ends, ComponentIndex component);
  ComponentIndex nearest(const Ends& ends, Version version, ComponentIndex hint) const;
  void insert_after(Ends& ends, ComponentIndex older, ComponentIndex component);

  ZeroedArray<Link> links_;
};

}  // namespace starling
