#include "limiter/rule_finder.hpp"

#include <absl/hash/hash.h>

#include <utility>

#include "limiter/matching.hpp"

namespace starling {

std::uint64_t RuleFinder::hash_of(std::string_view key, Matcher::Kind kind, std::string_view text) {
  return absl::HashOf(key, kind, text);
}

void RuleFinder::build(std::span<const Rule> all, std::vector<std::uint32_t> rules) {
  rules_ = std::move(rules);
  always_.clear();
  keys_.clear();
  anchors_.clear();
  lists_.clear();
  if (rules_.size() <= tried_one_by_one_max) return;
  Counts asked;  // how many rules ask for it
  for (const std::uint32_t rule : rules_)
    for (const Matcher& matcher : all[rule].match) ++asked[hash_of(matcher)];
  for (const std::uint32_t rule : rules_) anchor(all[rule], rule, asked);
  std::size_t lists_max = 1;
  for (auto& [key, anchored] : keys_) {
    std::sort(anchored.prefix_bytes.begin(), anchored.prefix_bytes.end());
    lists_max += 1 + anchored.prefix_bytes.size();
  }
  lists_.reserve(lists_max);
}

void RuleFinder::anchor(const Rule& rule, std::uint32_t index, const Counts& asked) {
  if (rule.match.empty()) {
    always_.push_back(index);
    return;
  }
  const auto badness = [&](const Matcher& matcher) {
    return std::pair(asked.at(hash_of(matcher)), matcher.kind != Matcher::Kind::equal);
  };
  const Matcher& best =
      *std::min_element(rule.match.begin(), rule.match.end(),
                        [&](const Matcher& a, const Matcher& b) { return badness(a) < badness(b); });
  anchors_[hash_of(best)].push_back(index);
  Key& key = keys_[best.key];
  if (best.kind == Matcher::Kind::equal) {
    key.has_equal = true;
  } else if (std::find(key.prefix_bytes.begin(), key.prefix_bytes.end(), best.text.size()) ==
             key.prefix_bytes.end()) {
    key.prefix_bytes.push_back(best.text.size());
  }
}

void RuleFinder::add_list(std::uint64_t hash) {
  const auto found = anchors_.find(hash);
  if (found != anchors_.end()) lists_.push_back(found->second);
}

void RuleFinder::find_lists(const Descriptor& descriptor) {
  lists_.clear();
  if (!always_.empty()) lists_.push_back(always_);
  for (const Entry& entry : descriptor.entries) {
    const auto found = keys_.find(entry.key);
    // Of a key that comes again the first counts.
    if (found == keys_.end() || find_entry(descriptor, entry.key) != &entry) continue;
    const Key& key = found->second;
    if (key.has_equal) add_list(hash_of(entry.key, Matcher::Kind::equal, entry.value));
    for (const std::size_t bytes : key.prefix_bytes) {
      if (bytes > entry.value.size()) break;
      add_list(hash_of(entry.key, Matcher::Kind::prefix, entry.value.substr(0, bytes)));
    }
  }
}

}  // namespace starling
