#include "gossip/delta_pager.hpp"

#include <algorithm>

#include "wire/codec.hpp"

namespace starling {

wire::DeltaEntry DeltaPager::entry(const PublishLog::Ends& ends, ComponentIndex component) const {
  wire::DeltaEntry entry;
  entry.version = log_.version(component);
  store_.read(component, entry);
  if (ends.list == own_origin.value) entry.count = queue_.published(component);
  return entry;
}

bool DeltaPager::fill_newest(const PublishLog::Ends& ends, const Range& range, wire::Delta& out) const {
  out.entries.clear();
  out.to = range.to;
  out.from = range.from_min;
  wire::DeltaSize size(range.from_min);
  std::size_t repeats = 0;
  ComponentIndex at = ends.newest;
  while (at != no_component && log_.version(at) > range.from_min) {
    const bool repeat = log_.version(at) <= range.sent;
    const wire::DeltaEntry next = entry(ends, at);
    if ((repeat && repeats == repeats_max) || !size.add(next)) {
      if (!repeat) return false;
      out.from = next.version;  // not in here, so the claim begins after it
      break;
    }
    repeats += repeat ? 1 : 0;
    out.entries.push_back(next);
    at = log_.older(at);
  }
  std::reverse(out.entries.begin(), out.entries.end());
  return true;
}

ComponentIndex DeltaPager::fill_page(const PublishLog::Ends& ends, Version from, Version to_max,
                                     ComponentIndex hint, wire::Delta& out) const {
  out.entries.clear();
  out.from = from;
  out.to = to_max;
  wire::DeltaSize size(from);
  ComponentIndex last = hint;
  ComponentIndex at = log_.first_after(ends, from, hint);
  for (; at != no_component && log_.version(at) <= to_max; at = log_.newer(at)) {
    const wire::DeltaEntry next = entry(ends, at);
    if (!size.add(next)) {
      out.to = out.entries.back().version;
      break;
    }
    out.entries.push_back(next);
    last = at;
  }
  return last;
}

}  // namespace starling
