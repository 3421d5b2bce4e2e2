#pragma once

/// A store without counters: what the publish log names reads as 5 hits, and nothing can be joined.

#include <cstddef>

#include "gossip/store.hpp"

namespace starling {

struct FakeStore final : GossipStore {
  /// Windows differ by component, so that packets have several groups, or are all this long.
  std::uint32_t window_s = 0;
  mutable std::size_t reads = 0;

  void read(ComponentIndex component, wire::DeltaEntry& entry) const override {
    ++reads;
    entry.key = CounterKey{1000 + component.value};
    entry.window_s = window_s != 0 ? window_s : 1 + component.value % 3;
    entry.window_id = WindowId{7};
    entry.count = 5;
  }
  Own own_beside(ComponentIndex) const override { return {}; }
  void on_published(ComponentIndex, Hits, Instant) override {}
  bool is_over(const wire::DeltaEntry&) const override { return false; }
  void expect(OriginIndex, std::span<const wire::DeltaEntry>, std::span<Expected>) const override {}
  Result<ComponentIndex> join(OriginIndex, const wire::DeltaEntry&) override {
    return fail(ErrorCode::table_full);
  }
};

}  // namespace starling
