/// A network that is bad on purpose, from a seed.
///
/// For each datagram it draws its fate: lost, delivered once, delivered twice, damaged, and when. Links can
/// be cut in one direction or both; a partition is a set of cut links. A clogged link delivers nothing for a
/// while and then everything at once. Cuts and clogs of several faults add up: a link is whole again when all
/// of them have let go of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"

namespace starling::sim {

using NodeIndex = std::size_t;
using Link = std::pair<NodeIndex, NodeIndex>;  ///< from, to

struct LinkOptions {
  Duration delay = std::chrono::microseconds(500);  ///< one way
  Duration jitter{};       ///< up to this much more, drawn evenly; enough of it reorders
  double loss = 0;         ///< share of datagrams that vanish
  double duplication = 0;  ///< share that arrives twice
  double reordering = 0;   ///< share that is held up by `reordering_delay`
  Duration reordering_delay = std::chrono::milliseconds(20);
  double replay = 0;  ///< share at whose sending some earlier datagram, from anyone to anyone, comes again
  double damage = 0;  ///< share that arrives with bits flipped, cut short or grown

  std::string to_string() const;
};

class Network {
 public:
  Network(LinkOptions options, Random& random) : options_(options), random_(random) {}

  struct Fate {
    std::array<Duration, 2> delays{};  ///< of the copies that arrive
    std::size_t copies = 0;
    bool damaged = false;
  };
  /// What becomes of a datagram sent now.
  Fate fate(NodeIndex from, NodeIndex to, Instant now);

  void set_options(LinkOptions options) { options_ = options; }
  const LinkOptions& options() const { return options_; }

  void cut(NodeIndex from, NodeIndex to) { ++links_[{from, to}].cuts; }
  void mend(NodeIndex from, NodeIndex to);
  /// Cuts both directions between every two nodes that are not in the same group.
  void partition(std::span<const std::vector<NodeIndex>> groups);
  /// What is sent there before `until` arrives at `until`, in order.
  void clog(NodeIndex from, NodeIndex to, Instant until);
  /// Every link is whole; what is stuck in clogged ones still comes when it would have.
  void heal() { links_.clear(); }
  bool is_cut(NodeIndex from, NodeIndex to) const;

 private:
  struct State {
    std::uint32_t cuts = 0;
    Instant clogged_until{};
  };
  Duration draw_delay();

  LinkOptions options_;
  Random& random_;
  std::map<Link, State> links_;  // those that are not whole
};

}  // namespace starling::sim
