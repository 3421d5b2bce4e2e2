#include "gossip/egress.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "wire/header.hpp"

namespace starling {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
__extension__ using Wide = __int128;  // bytes times nanoseconds
constexpr std::int64_t depth_bytes_min = 2048;
constexpr std::uint64_t bytes_per_s_max = 1ULL << 40;

}  // namespace

Egress::Egress(std::uint64_t bytes_per_s)
    : bytes_per_s_(static_cast<std::int64_t>(std::min(bytes_per_s, bytes_per_s_max))),
      depth_bytes_(std::max(bytes_per_s_ / (ns_per_s / depth.count()), depth_bytes_min)),
      balance_bytes_(depth_bytes_) {
  STARLING_CHECK(bytes_per_s_ > 0);
}

std::int64_t Egress::reserve(Purpose purpose) const {
  switch (purpose) {
    case Purpose::urgent:
    case Purpose::heartbeat:  // few, and without them peers die
      return 0;
    case Purpose::ack:
      return depth_bytes_ / 8;
    case Purpose::retransmit:
    case Purpose::catch_up:
    case Purpose::repair:
    case Purpose::overrides:
      return depth_bytes_ / 4;
    case Purpose::lazy:
      return depth_bytes_ / 2;
  }
  return 0;
}

void Egress::fill(Instant now) {
  if (now <= filled_at_) return;
  const Wide bytes = Wide{bytes_per_s_} * (now - filled_at_).count() / ns_per_s;
  const std::int64_t room = depth_bytes_ - balance_bytes_;
  if (bytes >= room) {
    balance_bytes_ = depth_bytes_;
    filled_at_ = now;
    return;
  }
  // Only the time of whole bytes is spent: a call every microsecond must not lose its fractions.
  balance_bytes_ += static_cast<std::int64_t>(bytes);
  filled_at_ += Duration(static_cast<std::int64_t>(bytes * ns_per_s / bytes_per_s_));
}

bool Egress::may_send(Purpose purpose, Instant now) {
  fill(now);
  if (balance_bytes_ > reserve(purpose)) return true;
  ++traffic_[static_cast<std::size_t>(purpose)].deferred;
  return false;
}

Instant Egress::next(Purpose purpose) const {
  const std::int64_t missing = reserve(purpose) - balance_bytes_ + 1;
  if (missing <= 0) return filled_at_;
  const double seconds = static_cast<double>(missing) / static_cast<double>(bytes_per_s_);
  return filled_at_ + Duration(static_cast<std::int64_t>(seconds * ns_per_s)) + std::chrono::microseconds(2);
}

void Egress::on_sent(Purpose purpose, std::span<const std::byte> datagram) {
  const std::size_t bytes = datagram.size();
  KindTraffic& by_kind = by_kind_[wire::index_of(wire::kind_of(datagram))];
  ++by_kind.packets;
  by_kind.bytes += bytes;
  Traffic& traffic = traffic_[static_cast<std::size_t>(purpose)];
  ++traffic.packets;
  traffic.bytes += bytes;
  balance_bytes_ -= static_cast<std::int64_t>(bytes + datagram_overhead_bytes);
}

}  // namespace starling
