#include "membership/peer.hpp"

namespace starling {

void Peer::on_rtt(Duration sample) {
  round_trips.add(sample);
  if (!rtt) {
    rtt = sample;
    rtt_deviation = sample / 2;
    return;
  }
  const Duration error = sample > *rtt ? sample - *rtt : *rtt - sample;
  rtt_deviation += (error - rtt_deviation) / 4;
  *rtt += (sample - *rtt) / 8;
}

}  // namespace starling
