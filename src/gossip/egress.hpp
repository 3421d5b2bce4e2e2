/// What a node may send, and what goes first when it may not send everything.
///
/// One token bucket holds bytes. Each purpose leaves a part of it to the purposes before it: hits that bring
/// a limit near may empty it, acks leave an eighth, repair and live overrides a quarter, lazy publication
/// half. So in a storm -
/// a thousand counters that become urgent, ten joiners, a partition that heals - what accuracy rests on is
/// still sent at once, and what can wait waits. Nothing is dropped here: who may not send now is told when to
/// ask again.
///
/// Source: `design.md` section 4 ("urgent > acks > repair > lazy"); valkey#2277 and consul#5567 for what
/// happens without.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.hpp"
#include "wire/messages.hpp"

namespace starling {

/// Why a datagram was sent, for the counters.
enum class Purpose : std::uint8_t { urgent, lazy, ack, retransmit, catch_up, repair, heartbeat, overrides };
inline constexpr std::size_t purposes_count = 8;
constexpr std::string_view name(Purpose purpose) {
  constexpr std::array<std::string_view, purposes_count> names{
      "urgent", "lazy", "ack", "retransmit", "catch_up", "repair", "heartbeat", "overrides"};
  return names[static_cast<std::size_t>(purpose)];
}

struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t deferred = 0;  ///< times that this purpose had to wait
};

/// Datagrams of one kind, in one direction.
struct KindTraffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};
using TrafficByKind = std::array<KindTraffic, wire::kinds_count>;  ///< by wire::index_of

inline constexpr std::uint64_t egress_bytes_per_s_default = 32ULL * 1024 * 1024;

class Egress {
 public:
  /// The bucket holds what may be sent in this time, and at least one datagram.
  static constexpr Duration depth = std::chrono::milliseconds(50);
  /// What a datagram costs beyond its bytes: Ethernet, IPv6 and UDP headers, and the system call.
  static constexpr std::size_t datagram_overhead_bytes = 62;

  explicit Egress(std::uint64_t bytes_per_s);

  /// True if `purpose` may send now; what it then sends may overdraw the bucket. Else it is counted as
  /// deferred, and may ask again at `next`.
  bool may_send(Purpose purpose, Instant now);
  Instant next(Purpose purpose) const;

  /// `datagram`: as an Encoder made it.
  void on_sent(Purpose purpose, std::span<const std::byte> datagram);
  const std::array<Traffic, purposes_count>& traffic() const { return traffic_; }
  const TrafficByKind& traffic_by_kind() const { return by_kind_; }

 private:
  std::int64_t reserve(Purpose purpose) const;
  void fill(Instant now);

  std::int64_t bytes_per_s_;
  std::int64_t depth_bytes_;
  std::int64_t balance_bytes_;
  Instant filled_at_{};
  std::array<Traffic, purposes_count> traffic_{};
  TrafficByKind by_kind_{};
};

}  // namespace starling
