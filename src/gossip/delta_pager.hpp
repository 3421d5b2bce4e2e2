/// Cuts a publish log into deltas that fit a datagram and claim exactly what they carry.
///
/// A delta (from, to] promises: of this origin, everything whose newest version lies in that range and whose
/// window still lives is in here. Two ways to cut one. *Newest*: from the newest entry back, as far as the
/// packet and `from_min` allow; it carries what is new and, in the room left, repeats what is not acked yet,
/// so most loss is healed by the next packet without a timer. *Page*: from `from` on, as many as fit; for
/// long catch-ups.
#pragma once

#include "gossip/publish_log.hpp"
#include "gossip/publish_queue.hpp"
#include "gossip/store.hpp"
#include "wire/messages.hpp"

namespace starling {

class DeltaPager {
 public:
  DeltaPager(const PublishLog& log, const PublishQueue& queue, const GossipStore& store)
      : log_(log), queue_(queue), store_(store) {}

  struct Range {
    Version from_min;  ///< what the receiver holds already
    Version sent;      ///< up to where everything has been sent once; in [from_min, to]
    Version to;        ///< the newest version there is
  };

  /// Fills `from`, `to` and `entries` with the newest entries. False (nothing useful filled) if more than one
  /// packet is needed to cover (sent, to].
  bool fill_newest(const PublishLog::Ends& ends, const Range& range, wire::Delta& out) const;

  /// Fills `from`, `to` and `entries` with the first entries after `from`, none above `to_max`. `hint` is a
  /// component near `from`, or none. Returns the last component taken, a hint for the next page.
  ComponentIndex fill_page(const PublishLog::Ends& ends, Version from, Version to_max, ComponentIndex hint,
                           wire::Delta& out) const;

 private:
  /// Repeated entries per packet at most: a page of known news is dearer than the loss it heals.
  static constexpr std::size_t repeats_max = 16;

  /// A version stands for one count: of our own components the count as published is sent, not the one that
  /// has grown since. Otherwise two nodes could hold different counts at the same version, and never find
  /// out.
  wire::DeltaEntry entry(const PublishLog::Ends& ends, ComponentIndex component) const;

  const PublishLog& log_;
  const PublishQueue& queue_;
  const GossipStore& store_;
};

}  // namespace starling
