#include "sim/stranger_account.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {

void StrangerAccount::on_listed(std::span<const Endpoint> listed) {
  for (const Endpoint& endpoint : listed) accounts_[endpoint.address].vouched = true;
}

void StrangerAccount::on_received(const Address& from, Port port, std::span<const std::byte> datagram,
                                  Instant now) {
  Account& account = accounts_[from];
  account.bytes_in += datagram.size();
  if (port != Port::heartbeat || reader_.open(datagram, port, now) != wire::Kind::heartbeat) return;
  const auto heartbeat = reader_.message().heartbeat();
  if (!heartbeat || (*heartbeat)->recipient != self_) return;
  if (!account.proven && account.clocks_sent.contains((*heartbeat)->echo_ns)) {
    account.proven = account.vouched = true;
    account.clocks_sent.clear();
  }
  if (!account.proven) return;
  for (const Endpoint& endpoint : (*heartbeat)->peers) accounts_[endpoint.address].vouched = true;
}

std::string StrangerAccount::on_sent(const Address& to, Port port, std::span<const std::byte> datagram,
                                     Instant now) {
  Account& account = accounts_[to];
  if (account.proven) return {};
  if (port == Port::heartbeat && reader_.open(datagram, port, now) == wire::Kind::heartbeat) {
    const auto heartbeat = reader_.message().heartbeat();
    if (heartbeat) account.clocks_sent.insert((*heartbeat)->sent_ns);
  }
  account.bytes_out += datagram.size();
  std::uint64_t allowed = factor_max * account.bytes_in;
  if (account.vouched) {
    account.asked_since = std::min(account.asked_since, now);
    const auto asked = static_cast<std::uint64_t>((now - account.asked_since) / own_accord_interval);
    allowed += (2 + asked) * wire::datagram_bytes_max;
  }
  if (account.bytes_out <= allowed) return {};
  return fmt::format(
      "amplification: node {:016x} has sent {} bytes to {}, which sent it {} and proved nothing", self_.value,
      account.bytes_out, to.to_string(), account.bytes_in);
}

}  // namespace starling::sim
