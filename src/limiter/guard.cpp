#include "limiter/guard.hpp"

#include <algorithm>

namespace starling {

Hits Guard::unseen(ComponentIndex component, Hits own, const Surroundings& around) {
  if (component == no_component) return 0;
  Row& known = rows_[component.value];
  if (!known.followed) known = Row{.settled = own, .pending = own, .latest = own, .followed = true};
  const Instant seen_until = around.now - around.peer_delay;
  if (known.has_pending && known.pending_at <= seen_until) {
    known.settled = known.pending;
    known.pending = known.latest;
    known.pending_at = known.latest_at;
    known.has_pending = known.latest > known.settled;
    if (known.has_pending && known.pending_at <= seen_until) {
      known.settled = known.latest;
      known.has_pending = false;
    }
  }
  return saturating_sub(own, known.settled);
}

void Guard::on_published(ComponentIndex component, Hits hits, Instant now) {
  if (component.value >= rows_.size() || !rows_[component.value].followed) return;
  Row& known = rows_[component.value];
  known.latest = hits;
  known.latest_at = now;
  if (known.has_pending) return;
  known.has_pending = true;
  known.pending = hits;
  known.pending_at = now;
}

void Guard::forget(ComponentIndex component) {
  if (component.value < rows_.size()) rows_[component.value] = Row{};
}

bool Guard::admits(const Spending& spending, const Surroundings& around) {
  const auto& [remaining, unseen, hits, exact] = spending;
  const Hits nodes = std::max(around.nodes_count, 1U);
  if (nodes == 1) return true;
  if (saturating_add(unseen, hits) <= remaining / nodes) return true;
  if (unseen != 0) return false;
  const auto delay_ms = std::chrono::duration_cast<std::chrono::milliseconds>(around.peer_delay).count();
  const auto slot_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(delay_ms, 2));
  const std::uint64_t slot = ms_since_epoch(around.wall) / slot_ms;
  if (exact && ms_since_epoch(around.wall) % slot_ms >= slot_ms / 2) return false;
  // In each slot as many nodes have their turn as hits remain, the next ones in the next slot.
  const Hits turns = std::clamp<Hits>(remaining / std::max<Hits>(hits, 1), 1, nodes);
  return (around.rank + nodes - slot * turns % nodes) % nodes < turns;
}

}  // namespace starling
