/// Datagrams that no node of this cluster sent.
///
/// Strangers: garbage; packets of another cluster, from addresses of its own and from those of our nodes (an
/// address used again); heartbeats of this cluster from addresses that cannot echo, under invented origins
/// and under those of living nodes; pulls on behalf of others. Forgers know the cluster, and without sealed
/// packets nodes cannot but believe them: huge counts, claims to versions that never were, false acks,
/// invented origins, real heartbeats with one thing changed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sim/faults.hpp"
#include "wire/codec.hpp"

namespace starling::sim {

class Strangers final : public Fault {
 public:
  explicit Strangers(bool forge) : forge_(forge), state_(std::make_shared<State>()) {}
  std::string begin(Simulation& simulation) override;
  void end(Simulation&) override { state_->over = true; }

 private:
  struct State {
    bool over = false;
    std::uint64_t other_cluster = KeyedHash("another").cluster_tag();
    std::uint64_t our_cluster = KeyedHash("starling").cluster_tag();
  };
  static void again(Simulation& simulation, bool forge, const std::shared_ptr<State>& state);

  bool forge_;
  std::shared_ptr<State> state_;
};

}  // namespace starling::sim
