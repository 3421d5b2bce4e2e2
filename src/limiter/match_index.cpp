#include "limiter/match_index.hpp"

namespace starling {
namespace {

std::uint64_t add_value(std::uint64_t hash, std::string_view value) {
  return absl::HashOf(hash, value);
}

}  // namespace

const MatchIndex::Shape& MatchIndex::shape_of(std::span<const Matcher> match) {
  keys_.clear();
  for (const Matcher& matcher : match)
    if (matcher.kind == Matcher::Kind::equal) keys_.push_back(matcher.key);
  const auto [found, is_new] = shape_by_keys_.try_emplace(keys_, static_cast<std::uint32_t>(shapes_.size()));
  if (is_new) shapes_.push_back(Shape{.seed = shapes_.size(), .keys = keys_});
  return shapes_[found->second];
}

void MatchIndex::add(std::span<const Matcher> match, std::uint32_t id) {
  const Shape& shape = shape_of(match);
  std::uint64_t hash = shape.seed;
  for (const Matcher& matcher : match)
    if (matcher.kind == Matcher::Kind::equal) hash = add_value(hash, matcher.text);
  const auto at = static_cast<std::uint32_t>(items_.size());
  const auto [found, is_new] = first_by_values_.try_emplace(hash, at);
  items_.push_back(Item{.match = match, .id = id, .next = is_new ? none : found->second});
  found->second = at;
}

void MatchIndex::clear() {
  shapes_.clear();
  items_.clear();
  shape_by_keys_.clear();
  first_by_values_.clear();
}

std::uint32_t MatchIndex::first_of(const Shape& shape, const Descriptor& descriptor) const {
  std::uint64_t hash = shape.seed;
  for (const std::string_view key : shape.keys) {
    const Entry* entry = find_entry(descriptor, key);
    if (entry == nullptr) return none;
    hash = add_value(hash, entry->value);
  }
  const auto found = first_by_values_.find(hash);
  return found == first_by_values_.end() ? none : found->second;
}

}  // namespace starling
