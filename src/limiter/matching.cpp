#include "limiter/matching.hpp"

#include <algorithm>

namespace starling {

const Entry* find_entry(const Descriptor& descriptor, std::string_view key) {
  for (const Entry& entry : descriptor.entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

bool fits(std::span<const Matcher> match, const Descriptor& descriptor) {
  return std::all_of(match.begin(), match.end(), [&](const Matcher& matcher) {
    const Entry* entry = find_entry(descriptor, matcher.key);
    return entry != nullptr && matcher.matches(entry->value);
  });
}

bool fits(const Rule& rule, const Descriptor& descriptor) {
  // The keys of a match are unique: when all are there, as many entries as keys leave none over.
  if (rule.exact && descriptor.entries.size() != rule.match.size()) return false;
  return fits(std::span<const Matcher>(rule.match), descriptor);
}

}  // namespace starling
