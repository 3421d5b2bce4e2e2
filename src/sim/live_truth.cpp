#include "sim/live_truth.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {
namespace {

std::string told(const LiveEntry& entry) {
  return fmt::format("{} of rule {} principal {}{} stamped {} {} {:016x}{}", name(entry.what.kind),
                     entry.what.rule, entry.what.principal,
                     entry.what.match.empty() ? "" : entry.what.match[0].to_string(), entry.stamp.wall_ms,
                     entry.stamp.logical, entry.stamp.origin.value, entry.deleted ? ", taken back" : "");
}

}  // namespace

LiveTruth::Known LiveTruth::known(std::span<const LiveTable* const> tables) {
  Known known;
  for (const LiveTable* table : tables)
    table->visit_after(0, [&](LiveTable::Place place, const LiveEntry& entry) {
      const auto [found, fresh] = known.try_emplace(place, entry);
      if (!fresh && found->second.stamp < entry.stamp) found->second = entry;
      return true;
    });
  return known;
}

bool LiveTruth::was_said(LiveTable::Place place, const LiveEntry& entry) const {
  const auto said = said_.find(place);
  return said != said_.end() &&
         std::any_of(said->second.begin(), said->second.end(), [&](const LiveEntry& each) {
           LiveEntry stamped = each;
           stamped.stamp = entry.stamp;
           return stamped == entry;
         });
}

std::string LiveTruth::disagreement(std::span<const LiveTable* const> tables, const Known& known,
                                    WallTime now, WallTime highest) const {
  if (tables.empty()) return {};
  for (const LiveTable* table : tables)
    if (table->digest() != tables[0]->digest())
      return fmt::format("live overrides: tables of {} and {} entries differ", tables[0]->size(),
                         table->size());
  std::string broken;
  if (demands_truth)
    tables[0]->visit_after(0, [&](LiveTable::Place place, const LiveEntry& entry) {
      if (!was_said(place, entry)) broken = "live overrides: nobody ever said " + told(entry);
      return broken.empty();
    });
  for (const auto& [place, entry] : known) {
    if (!broken.empty()) break;
    if (entry.gone_ms().value_or(~std::uint64_t{0}) <= ms_since_epoch(highest)) continue;
    const LiveEntry* held = tables[0]->find(place);
    if (held == nullptr) broken = "live overrides: lost: " + told(entry);
    if (held != nullptr && held->stamp < entry.stamp && !HybridClock::is_too_far_ahead(entry.stamp, now))
      broken = fmt::format("live overrides: {} gave way to the older {}", told(entry), told(*held));
  }
  return broken;
}

}  // namespace starling::sim
