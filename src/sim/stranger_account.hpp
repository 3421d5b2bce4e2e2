/// How much a node sends to addresses that have not proven themselves: at most three times what came from
/// there, summed over all ports, kinds and time.
///
/// Whoever forges a sender's address must not be able to turn nodes on a victim. An address proves itself by
/// a heartbeat from there that names this node and echoes a clock which this node sent to that very address.
/// One that DNS lists, or that a peer which has proven itself names, is asked of our own accord besides: as
/// often as heartbeats go, and by nothing larger than a datagram. The account
/// is kept from the datagrams alone, one per node, and knows nothing of what the engine believes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "sim/reader.hpp"

namespace starling::sim {

class StrangerAccount {
 public:
  static constexpr std::uint64_t factor_max = 3;
  /// Heartbeats go every 200 ms, give or take a tenth.
  static constexpr Duration own_accord_interval = std::chrono::milliseconds(150);

  StrangerAccount(OriginId self, Reader& reader) : self_(self), reader_(reader) {}

  void on_listed(std::span<const Endpoint> listed);
  void on_received(const Address& from, Port port, std::span<const std::byte> datagram, Instant now);
  /// Returns what is broken, or an empty text.
  std::string on_sent(const Address& to, Port port, std::span<const std::byte> datagram, Instant now);

 private:
  struct Account {
    bool vouched = false;
    bool proven = false;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    Instant asked_since = never;
    std::set<std::uint64_t> clocks_sent;  ///< empty once it is proven
  };

  OriginId self_;
  Reader& reader_;
  std::map<Address, Account> accounts_;
};

}  // namespace starling::sim
