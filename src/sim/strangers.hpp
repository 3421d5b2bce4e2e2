/// Datagrams that no node of this cluster sent.
///
/// Strangers: garbage; packets of another cluster, from addresses of its own and from those of our nodes (an
/// address used again); heartbeats of this cluster from addresses that cannot echo, under invented origins
/// and under those of living nodes; pulls on behalf of others. Forgers know the cluster, and without sealed
/// packets, or with the key, nodes cannot but believe them: huge counts, claims to versions that never were,
/// false acks, invented origins, real heartbeats with one thing changed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sim/faults.hpp"
#include "wire/codec.hpp"
#include "wire/sealer.hpp"

namespace starling::sim {

/// What a forger seals with: any origin's subkey follows from the key.
struct Voice {
  Voice(OriginId origin, std::string_view cluster, const wire::KeyRing& ring, std::uint64_t tag)
      : sealer(origin, cluster, ring), encoder(tag, &sealer) {}
  wire::Sealer sealer;
  wire::Encoder encoder;
  std::array<std::uint64_t, 2> counters{};
};
using Voices = std::map<OriginId, std::unique_ptr<Voice>>;

class Strangers final : public Fault {
 public:
  /// `has_key`: what is forged is sealed like the nodes' own, if that is.
  explicit Strangers(bool forge, bool has_key = false) : forge_(forge), state_(std::make_shared<State>()) {
    state_->has_key = has_key;
  }
  std::string begin(Simulation& simulation) override;
  void end(Simulation&) override { state_->over = true; }

 private:
  struct State {
    bool over = false;
    bool has_key = false;
    std::uint64_t other_cluster = KeyedHash("another").cluster_tag();
    std::uint64_t our_cluster = KeyedHash("starling").cluster_tag();
    Voices voices;
  };
  static void again(Simulation& simulation, bool forge, const std::shared_ptr<State>& state);

  bool forge_;
  std::shared_ptr<State> state_;
};

}  // namespace starling::sim
