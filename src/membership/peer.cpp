#include "membership/peer.hpp"

namespace starling {

void Peer::on_heartbeat(const wire::Heartbeat& heard, Instant written, Instant now) {
  if (is_news(heard, now)) {
    newest_sent_ns = heard.sent_ns;
    last_heard = last_answer = now;
    last_word = written;
    hears_us = true;
    interval = std::chrono::milliseconds(heard.interval_ms);
    reported_delay = std::chrono::microseconds(heard.peer_delay_us);
    name = heard.name;
    software = heard.software;
    node_state = heard.state;
    version = heard.version;  // not the highest ever said: one false word must not stay for ever
  }
}

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
