#include "gossip/publish_log.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace starling {
namespace {

/// The finaliser of SplitMix64: a version identifies what was published, so its hash stands for the entry.
std::uint64_t hash_of(Version version) {
  std::uint64_t word = version.value + 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

/// `version` has come into the list, or gone.
void note(PublishLog::Ends& ends, Version version) {
  for (PublishLog::Ends::KeptHash& kept : ends.kept)
    if (version > kept.above) kept.hash ^= hash_of(version);
}

}  // namespace

bool PublishLog::contains(const Ends& ends, ComponentIndex component) const {
  return component.value < links_.size() && links_[component.value].version != Version{} &&
         links_[component.value].list == ends.list;
}

void PublishLog::insert_after(Ends& ends, ComponentIndex older, ComponentIndex component) {
  const ComponentIndex newer = older == no_component ? ends.oldest : link(older).newer;
  link(component).older = older;
  link(component).newer = newer;
  (older == no_component ? ends.oldest : link(older).newer) = component;
  (newer == no_component ? ends.newest : link(newer).older) = component;
  ++ends.size;
}

void PublishLog::stamp(Ends& ends, ComponentIndex component, Version version, ComponentIndex near) {
  STARLING_CHECK(version != Version{});
  if (link(component).version >= version) return;
  if (near == component) near = no_component;
  if (contains(ends, component)) remove(ends, component);

  // Find the last one at or below `version`: from `near` if it is there, else from the newest.
  ComponentIndex at = near != no_component && contains(ends, near) ? near : ends.newest;
  while (at != no_component && link(at).version > version) at = link(at).older;
  if (at != no_component)
    while (link(at).newer != no_component && link(link(at).newer).version <= version) at = link(at).newer;
  link(component).version = version;
  link(component).list = ends.list;
  note(ends, version);
  insert_after(ends, at, component);
  if (ends.newest == component && ++ends.since_place >= place_spacing) note_place(ends, component);
}

void PublishLog::note_place(Ends& ends, ComponentIndex component) {
  ends.since_place = 0;
  // What is published again and again leaves places behind that nobody stands at.
  if (ends.places.size() > 2 * (ends.size / place_spacing) + 2)
    std::erase_if(ends.places, [&](const Ends::Place& place) { return !stands_at(ends, place); });
  // In order, also where the newest have gone and others come late.
  while (!ends.places.empty() && ends.places.back().version >= link(component).version)
    ends.places.pop_back();
  ends.places.push_back({.version = link(component).version, .component = component});
}

/// Versions are numbered in the order of publication, so their distance bounds the steps between them.
ComponentIndex PublishLog::nearest(const Ends& ends, Version version, ComponentIndex hint) const {
  const auto distance = [&](ComponentIndex component) {
    const std::uint64_t at = this->version(component).value;
    return at > version.value ? at - version.value : version.value - at;
  };
  ComponentIndex best = ends.newest;
  const auto try_also = [&](ComponentIndex component) {
    if (distance(component) < distance(best)) best = component;
  };
  try_also(ends.oldest);
  if (hint != no_component && contains(ends, hint)) try_also(hint);
  auto& places = ends.places;
  auto above =
      std::upper_bound(places.begin(), places.end(), version,
                       [](Version wanted, const Ends::Place& place) { return wanted < place.version; });
  while (above != places.end() && !stands_at(ends, *above)) above = places.erase(above);
  if (above != places.end()) try_also(above->component);
  while (above != places.begin() && !stands_at(ends, *(above - 1))) above = places.erase(above - 1);
  if (above != places.begin()) try_also((above - 1)->component);
  return best;
}

void PublishLog::remove(Ends& ends, ComponentIndex component) {
  if (!contains(ends, component)) return;
  const Link gone = link(component);
  note(ends, gone.version);
  (gone.older == no_component ? ends.oldest : link(gone.older).newer) = gone.newer;
  (gone.newer == no_component ? ends.newest : link(gone.newer).older) = gone.older;
  link(component) = Link{};
  --ends.size;
}

std::uint64_t PublishLog::hash_above(Ends& ends, Version version) const {
  for (const Ends::KeptHash& kept : ends.kept)
    if (kept.above == version) return kept.hash;
  std::uint64_t hash = 0;
  std::size_t steps = 0;
  for (ComponentIndex at = ends.newest; at != no_component && this->version(at) > version; at = older(at)) {
    hash ^= hash_of(this->version(at));
    ++steps;
  }
  if (steps <= short_walk_steps) return hash;
  ends.kept[1] = ends.kept[0];
  ends.kept[0] = {.above = version, .hash = hash};
  return hash;
}

ComponentIndex PublishLog::first_after(const Ends& ends, Version version, ComponentIndex hint) const {
  if (ends.oldest == no_component || this->version(ends.newest) <= version) return no_component;
  if (this->version(ends.oldest) > version) return ends.oldest;
  ComponentIndex at = nearest(ends, version, hint);
  while (at != no_component && this->version(at) > version) at = older(at);
  while (at != no_component && this->version(at) <= version) at = newer(at);
  return at;
}

}  // namespace starling
