#include "limiter/caller_lists.hpp"

namespace starling {

void CallerLists::add(std::string_view principal, std::span<const Matcher> match, Listed lists) {
  if (match.empty()) {
    if (!principal.empty()) by_principal_[principal].add(lists);  // nobody named: nobody meant
    return;
  }
  by_match_.add(match, static_cast<std::uint32_t>(lists_.size()));
  lists_.push_back(lists);
}

void CallerLists::clear() {
  by_principal_.clear();
  by_match_.clear();
  lists_.clear();
}

Listed CallerLists::find(std::span<const Matcher> rule_match, const Descriptor& descriptor) const {
  Listed listed = find_match(descriptor);
  if (by_principal_.empty()) return listed;
  for (const Matcher& matcher : rule_match)
    if (matcher.kind != Matcher::Kind::equal)
      listed.add(find_principal(find_entry(descriptor, matcher.key)->value));
  return listed;
}

Listed CallerLists::find(const Descriptor& descriptor) const {
  Listed listed = find_match(descriptor);
  for (const Entry& entry : descriptor.entries) listed.add(find_principal(entry.value));
  return listed;
}

Listed CallerLists::find_principal(std::string_view value) const {
  const auto found = by_principal_.find(value);
  return found == by_principal_.end() ? Listed{} : found->second;
}

Listed CallerLists::find_match(const Descriptor& descriptor) const {
  Listed listed;
  by_match_.for_each_fitting(descriptor, [&](std::uint32_t id) { listed.add(lists_[id]); });
  return listed;
}

}  // namespace starling
