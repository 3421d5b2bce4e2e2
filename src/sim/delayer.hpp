/// Somebody between the nodes who takes real datagrams off the wire and delivers them, for the first time,
/// when it suits: all of a link late by the same time, or last first, or one now and then so that their
/// sender seems to live on.
///
/// These are no replays, and no seal tells how long a packet was under way. What they may do is what a slow
/// network does: views are stale, acks come late. What they may not: keep a dead node alive for longer than a
/// bound (a heartbeat's echo tells when it was written), take back what was said later, or break a count.
#pragma once

#include <memory>
#include <string>

#include "sim/faults.hpp"

namespace starling::sim {

class Delayer final : public Fault {
 public:
  /// Nothing is taken any more after `takes_for`; what was taken goes on to come.
  Delayer(std::vector<Link> links, Duration takes_for) : links_(std::move(links)), takes_for_(takes_for) {}
  ~Delayer() override;
  std::string begin(Simulation& simulation) override;
  void end(Simulation& simulation) override;

 private:
  class Play;
  static void again(const std::shared_ptr<Play>& play);

  std::vector<Link> links_;
  Duration takes_for_;
  std::shared_ptr<Play> play_;
};

}  // namespace starling::sim
