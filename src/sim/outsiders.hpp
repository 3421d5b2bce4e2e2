/// Whoever is on the wire and has no key: sees every datagram, keeps as many as it likes, and sends whatever
/// it can make of them, for as long as it is let.
///
/// It plays again: to the same node, to another, to the other port, from other addresses, at once or minutes
/// later, what the dead have said, one datagram thousands of times. It changes: every bit in turn, any length
/// down to nothing and up to all that UDP carries, heads and bodies of different datagrams, plain ones made
/// of sealed ones. It makes up: sealed packets with the right key's name, any mark, origin and counter. What
/// the forgers of `strangers.hpp` do they do besides. None of it may be taken for what it is not.
#pragma once

#include <memory>
#include <string>

#include "sim/faults.hpp"

namespace starling::sim {

class Outsiders final : public Fault {
 public:
  Outsiders();
  ~Outsiders() override;
  std::string begin(Simulation& simulation) override;
  void end(Simulation& simulation) override;

 private:
  class Play;
  static void again(const std::shared_ptr<Play>& play);

  std::shared_ptr<Play> play_;
};

}  // namespace starling::sim
