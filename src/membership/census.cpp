// How many nodes there are, and how many there should be.
//
// DNS knows addresses, not nodes: our own are among them, a dual-stack node has two, one that said goodbye
// stays listed for a while. Who was heard last at an address tells which of them are the same node. An
// address where nobody was ever heard counts as a node: nothing better is known.
#include <algorithm>
#include <iterator>

#include "membership/membership.hpp"

namespace starling {

const Membership::Census& Membership::census() const {
  if (!census_stale_) return census_;
  census_stale_ = false;
  const auto is_live = [](const auto& item) { return item.second.live(); };
  census_.rank =
      static_cast<std::uint32_t>(std::count_if(peers_.begin(), peers_.lower_bound(options_.self), is_live));

  std::uint32_t never_heard = 0;
  std::vector<OriginId> fell_silent;
  for (const auto& [endpoint, candidate] : addresses_.all()) {
    if (!candidate.in_dns || candidate.is_self) continue;
    const Peer* peer = find(candidate.origin);
    if (peer != nullptr && (peer->live() || peer->state == PeerState::left)) continue;
    if (candidate.origin == OriginId{}) {
      ++never_heard;
    } else {
      fell_silent.push_back(candidate.origin);
    }
  }
  std::sort(fell_silent.begin(), fell_silent.end());
  const auto end = std::unique(fell_silent.begin(), fell_silent.end());
  census_.known_count =
      nodes_count() + never_heard + static_cast<std::uint32_t>(std::distance(fell_silent.begin(), end));
  return census_;
}

}  // namespace starling
