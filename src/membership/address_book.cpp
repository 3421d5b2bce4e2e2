#include "membership/address_book.hpp"

namespace starling {

std::size_t AddressBook::on_resolved(std::span<const Endpoint> listed, Instant now) {
  for (auto& [endpoint, candidate] : candidates_) candidate.in_dns = false;
  std::size_t fresh = 0;
  for (const Endpoint& endpoint : listed) {
    if (Candidate* known = find(endpoint))
      known->in_dns = true;
    else
      ++fresh;
  }
  // Whoever sends heartbeats from many addresses must not keep out those that DNS lists.
  if (candidates_.size() + fresh > candidates_max)
    std::erase_if(candidates_, [](const auto& item) { return !item.second.worth_asking(); });
  std::size_t refused = 0;
  for (const Endpoint& endpoint : listed) {
    Candidate* candidate = learn(endpoint, now);
    if (candidate == nullptr) {
      ++refused;
      continue;
    }
    candidate->in_dns = true;
    candidate->last_vouched = now;
  }
  return refused;
}

Candidate* AddressBook::learn(const Endpoint& endpoint, Instant now) {
  const auto found = candidates_.find(endpoint);
  if (found != candidates_.end()) return &found->second;
  if (candidates_.size() >= candidates_max) return nullptr;
  Candidate candidate;
  candidate.last_vouched = now;
  candidate.next_heartbeat = now;
  return &candidates_.emplace(endpoint, candidate).first->second;
}

Candidate* AddressBook::learn_alive(const Endpoint& endpoint, Instant now) {
  Candidate* known = find(endpoint);
  if (known != nullptr) return known;
  if (candidates_.size() >= candidates_max && !give_up_a_silent_one()) return nullptr;
  return learn(endpoint, now);
}

bool AddressBook::give_up_a_silent_one() {
  auto next = candidates_.lower_bound(hand_);
  for (std::size_t looked = 0; looked < looked_through_max && !candidates_.empty(); ++looked) {
    if (next == candidates_.end()) next = candidates_.begin();
    const auto at = next++;
    if (!at->second.silent()) continue;
    hand_ = next == candidates_.end() ? Endpoint{} : next->first;
    candidates_.erase(at);
    return true;
  }
  hand_ = next == candidates_.end() ? Endpoint{} : next->first;
  return false;
}

Candidate* AddressBook::find(const Endpoint& endpoint) {
  const auto found = candidates_.find(endpoint);
  return found == candidates_.end() ? nullptr : &found->second;
}

const Candidate* AddressBook::find(const Endpoint& endpoint) const {
  const auto found = candidates_.find(endpoint);
  return found == candidates_.end() ? nullptr : &found->second;
}

bool AddressBook::heard_at(const Address& address, OriginId origin, bool proven) const {
  auto next = candidates_.lower_bound(Endpoint{.address = address, .port = 0});
  for (; next != candidates_.end() && next->first.address == address; ++next)
    if (next->second.origin == origin && (next->second.proven || !proven)) return true;
  return false;
}

}  // namespace starling
