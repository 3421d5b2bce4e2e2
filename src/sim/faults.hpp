/// What may go wrong, as small objects with a beginning and an end.
///
/// Faults know nothing of each other and may overlap in any way: each undoes only what it did itself (cuts
/// are counted per link, clock offsets add up, whoever is up already is not started again). A scenario is a
/// list of them, drawn from a seed. After FoundationDB's composable workloads, and TigerBeetle's VOPR for
/// what to draw.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/simulation.hpp"
#include "wire/key_ring.hpp"

namespace starling::sim {

class Fault {
 public:
  virtual ~Fault() = default;
  /// Begins, and says what it does.
  virtual std::string begin(Simulation& simulation) = 0;
  virtual void end(Simulation&) {}
};

struct PlannedFault {
  Duration begin{};  ///< since the start of the faults
  Duration end{};
  std::unique_ptr<Fault> fault;
};

/// What faults are drawn for.
struct Arena {
  std::size_t nodes = 3;
  Duration length{};                     ///< how long there may be faults
  std::vector<std::uint32_t> windows_s;  ///< of the rules
  LinkOptions calm;                      ///< the network without faults
  bool forgeries = false;                ///< packets that nodes cannot but believe, too
  /// What the nodes seal with; key changes keep it up to date.
  std::shared_ptr<wire::KeyRing> keys = std::make_shared<wire::KeyRing>();
  bool keys_change = false;
  bool keys_go_wrong = false;  ///< at single nodes
};

std::vector<PlannedFault> draw_faults(Random& random, const Arena& arena);

}  // namespace starling::sim
