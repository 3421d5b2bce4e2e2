/// The metrics by theme. Names, labels and meanings are a contract: README lists them all, dashboards and
/// alerts rely on them.
///
/// Everything is read when somebody asks for it; what has to be counted as it happens is counted where it
/// happens, and no label is ever text of a user's request.
#pragma once

#include <cstddef>

#include "metrics/family_list.hpp"
#include "metrics/snapshot.hpp"

namespace starling::metrics {

/// Peers with series of their own; the `_max` metrics are over all that live.
inline constexpr std::size_t peers_shown_max = 100;

/// What gateways asked and were told.
void add_decisions(const Snapshot& snapshot, FamilyList& out);
/// Connections and errors of the front ends.
void add_front_ends(const Snapshot& snapshot, FamilyList& out);
/// Who is here, how far behind, and how far away.
void add_peers(const Snapshot& snapshot, FamilyList& out);
/// What goes over the wire, and why.
void add_gossip(const Snapshot& snapshot, FamilyList& out);
/// Counters, rules, overrides, and what this node is.
void add_node(const Snapshot& snapshot, FamilyList& out);
/// The loop and the process.
void add_process(const Snapshot& snapshot, FamilyList& out);

}  // namespace starling::metrics
