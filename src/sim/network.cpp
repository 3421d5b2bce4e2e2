#include "sim/network.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {

std::string LinkOptions::to_string() const {
  const auto ms = [](Duration duration) { return static_cast<double>(duration.count()) / 1e6; };
  std::string out = fmt::format("delay {:.1f}+{:.1f} ms", ms(delay), ms(jitter));
  const auto share = [&out](std::string_view what, double value) {
    if (value > 0) out += fmt::format(", {} {:.0f} %", what, 100 * value);
  };
  share("loss", loss);
  share("duplication", duplication);
  share("reordering", reordering);
  share("replay", replay);
  share("damage", damage);
  return out;
}

Duration Network::draw_delay() {
  Duration delay = options_.delay;
  if (options_.jitter > Duration::zero())
    delay += Duration(
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(options_.jitter.count()))));
  if (options_.reordering > 0 && random_.chance(options_.reordering)) delay += options_.reordering_delay;
  return delay;
}

Network::Fate Network::fate(NodeIndex from, NodeIndex to, Instant now) {
  Fate fate;
  Duration held_up{};
  if (!links_.empty()) {
    const auto found = links_.find({from, to});
    if (found != links_.end()) {
      if (found->second.cuts > 0) return fate;
      held_up = std::max(found->second.clogged_until - now, Duration::zero());
    }
  }
  if (options_.loss > 0 && random_.chance(options_.loss)) return fate;
  const auto arrives = [&] {
    fate.delays[fate.copies++] = held_up > Duration::zero() ? held_up : draw_delay();
  };
  arrives();
  if (options_.duplication > 0 && random_.chance(options_.duplication)) arrives();
  fate.damaged = options_.damage > 0 && random_.chance(options_.damage);
  return fate;
}

void Network::mend(NodeIndex from, NodeIndex to) {
  const auto found = links_.find({from, to});
  if (found != links_.end() && found->second.cuts > 0) --found->second.cuts;
}

bool Network::is_cut(NodeIndex from, NodeIndex to) const {
  const auto found = links_.find({from, to});
  return found != links_.end() && found->second.cuts > 0;
}

void Network::partition(std::span<const std::vector<NodeIndex>> groups) {
  for (std::size_t a = 0; a < groups.size(); ++a)
    for (std::size_t b = 0; b < groups.size(); ++b)
      if (a != b)
        for (const NodeIndex from : groups[a])
          for (const NodeIndex to : groups[b]) cut(from, to);
}

void Network::clog(NodeIndex from, NodeIndex to, Instant until) {
  Instant& clogged = links_[{from, to}].clogged_until;
  clogged = std::max(clogged, until);
}

}  // namespace starling::sim
