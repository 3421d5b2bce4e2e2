/// Keys that change while the cluster runs.
///
/// `KeyChanges` takes the nodes from one key to the next as protocol/README.md tells operators to: the new
/// key behind the old one everywhere, then before it, then alone; or from plain packets to sealed ones
/// likewise. Nodes get each ring one after the other, in any order, and the next step waits until every node
/// that is up works with this one. `ForeignKeys` is the mistake: one node with a key that nobody else has.
#pragma once

#include <memory>
#include <string>

#include "sim/faults.hpp"
#include "wire/key_ring.hpp"

namespace starling::sim {

wire::MasterKey draw_key(Random& random);

class KeyChanges final : public Fault {
 public:
  /// `ring`: what the nodes have to have by now; others may look.
  explicit KeyChanges(std::shared_ptr<wire::KeyRing> ring) : state_(std::make_shared<State>()) {
    state_->ring = std::move(ring);
  }
  std::string begin(Simulation& simulation) override;
  void end(Simulation&) override { state_->over = true; }

 private:
  struct State {
    std::shared_ptr<wire::KeyRing> ring;
    bool is_turned = false;  ///< of two keys, the new one is in front
    bool over = false;
  };
  static void step(Simulation& simulation, const std::shared_ptr<State>& state);
  static void wait(Simulation& simulation, const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

class ForeignKeys final : public Fault {
 public:
  ForeignKeys(NodeIndex node, std::shared_ptr<wire::KeyRing> ring) : node_(node), ring_(std::move(ring)) {}
  std::string begin(Simulation& simulation) override;
  void end(Simulation& simulation) override;

 private:
  NodeIndex node_;
  std::shared_ptr<wire::KeyRing> ring_;
};

}  // namespace starling::sim
