// What becomes of datagrams: seen on the wire, damaged, remembered, delivered.
#include <algorithm>

#include "sim/simulation.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

/// Linux's default receive buffer, and what a datagram costs there beside its bytes.
constexpr std::size_t socket_bytes_max = 212'992;
constexpr std::size_t datagram_overhead_bytes = 1000;
constexpr std::size_t remembered_max = 512;
constexpr double remembered_share = 0.25;
constexpr Duration replay_delay_max = milliseconds(5);

}  // namespace

Address Simulation::address_of(NodeIndex node) {
  return Address::v4(10, static_cast<std::uint8_t>(node >> 16), static_cast<std::uint8_t>(node >> 8),
                     static_cast<std::uint8_t>(node));
}

std::uint16_t Simulation::port_number(Port port) {
  return port == Port::sync ? 4290 : 4291;
}

std::optional<NodeIndex> Simulation::node_at(const Endpoint& endpoint) const {
  const auto& bytes = endpoint.address.bytes;
  const NodeIndex node = (NodeIndex{bytes[13]} << 16) | (NodeIndex{bytes[14]} << 8) | bytes[15];
  if (node >= nodes_.size() || endpoint.address != address_of(node)) return std::nullopt;
  return node;
}

void Simulation::send(NodeIndex index, Port via, const Endpoint& to, std::span<const std::byte> bytes) {
  ++datagrams_sent_;
  ++sent_by_port_[static_cast<std::size_t>(via)];
  const auto target = node_at(to);
  trace(bytes.size() + 2000 * index);
  if (options_.check_every_step) fail_check(nodes_[index].strangers->on_sent(to.address, via, bytes, now_));
  if (!target || to.port != port_number(via)) return;
  Datagram& datagram = outgoing_;
  datagram.from = Endpoint{address_of(index), port_number(via)};
  datagram.to = *target;
  datagram.port = via;
  datagram.from_estranged = nodes_[index].is_estranged;
  datagram.sent_at = now_;
  datagram.bytes.assign(bytes.begin(), bytes.end());
  const LinkOptions& link = network_.options();
  if (link.replay > 0 || options_.believe_damage) remember(datagram);
  if (link.replay > 0) {
    const Datagram* old = random_.chance(link.replay) ? remembered() : nullptr;
    if (old != nullptr) schedule(*old, random_.jittered(replay_delay_max / 2, 1.0));
  }
  bool is_taken = false;
  for (const std::shared_ptr<Tap>& tap : taps_) is_taken = tap->on_sent(datagram) || is_taken;
  if (is_taken) return;
  const Network::Fate fate = network_.fate(index, *target, now_);
  for (std::size_t copy = 0; copy < fate.copies; ++copy) {
    if (!fate.damaged) {
      schedule(datagram, fate.delays[copy]);
      continue;
    }
    Datagram damaged = datagram;
    damage(damaged.bytes);
    if (damaged.bytes != datagram.bytes) damaged.nature = Datagram::Nature::made;
    schedule(damaged, fate.delays[copy]);
  }
}

void Simulation::damage(std::vector<std::byte>& bytes) {
  switch (random_.below(4)) {
    case 0:
      bytes.resize(random_.below(bytes.size() + 1));
      break;
    case 1:
      bytes.resize(bytes.size() + 1 + random_.below(64), static_cast<std::byte>(random_.next()));
      break;
    default:
      for (std::uint64_t flips = 1 + random_.below(8); flips > 0 && !bytes.empty(); --flips)
        bytes[random_.below(bytes.size())] ^= std::byte{1} << random_.below(8);
  }
  if (options_.believe_damage || options_.keys_are_secret) return;
  // UDP's checksum lets through what the decoder refuses anyway; what it would take must be made unreadable.
  for (const Port port : {Port::sync, Port::heartbeat}) {
    const auto kind = reader_.open(bytes, port, now_);
    if (kind && reader_.recipient(*kind)) bytes.resize(random_.below(wire::header_bytes));
  }
}

void Simulation::remember(const Datagram& datagram) {
  const bool full = history_.size() == remembered_max;
  if (full && !random_.chance(remembered_share)) return;
  Datagram& row = full ? history_[random_.below(remembered_max)] : history_.emplace_back();
  row = datagram;
  row.nature = Datagram::Nature::copy;
}

const Simulation::Datagram* Simulation::remembered() {
  return history_.empty() ? nullptr : &history_[random_.below(history_.size())];
}

void Simulation::schedule(const Datagram& datagram, Duration delay) {
  const std::uint32_t slot = datagrams_.take();
  datagrams_[slot] = datagram;
  events_.push({.at = now_ + delay,
                .kind = Event::Kind::deliver,
                .node = static_cast<std::uint32_t>(datagram.to),
                .slot = slot});
}

void Simulation::arrive(NodeIndex to, const Endpoint& from, Port port, std::span<const std::byte> bytes) {
  arrive(Datagram{.from = from,
                  .to = to,
                  .port = port,
                  .nature = Datagram::Nature::made,
                  .sent_at = now_,
                  .bytes = {bytes.begin(), bytes.end()}});
}

void Simulation::arrive(const Datagram& datagram) {
  schedule(datagram, Duration::zero());
}

void Simulation::deliver(std::uint32_t slot) {
  Datagram& datagram = datagrams_[slot];
  Node& node = nodes_[datagram.to];
  if (is_up(datagram.to) && is_paused(datagram.to)) {
    std::size_t& used = node.socket_bytes[static_cast<std::size_t>(datagram.port)];
    const std::size_t cost = datagram.bytes.size() + datagram_overhead_bytes;
    if (used + cost <= socket_bytes_max) {
      used += cost;
      node.socket.push_back(slot);
      return;
    }
  } else if (is_up(datagram.to)) {
    take_in(datagram);
    if (options_.on_delta && datagram.port == Port::sync)
      if (const auto from = node_at(datagram.from)) options_.on_delta(*from, datagram.to);
  }
  datagrams_.free(slot);
}

Result<void> Simulation::inject(NodeIndex to, const Endpoint& from, Port port,
                                std::span<const std::byte> bytes) {
  return take_in(Datagram{.from = from,
                          .to = to,
                          .port = port,
                          .nature = Datagram::Nature::made,
                          .sent_at = now_,
                          .bytes = {bytes.begin(), bytes.end()}});
}

Result<void> Simulation::take_in(const Datagram& datagram) {
  const NodeIndex to = datagram.to;
  if (options_.check_every_step)
    nodes_[to].strangers->on_received(datagram.from.address, datagram.port, datagram.bytes, now_);
  const bool is_watched = options_.check_every_step && options_.keys_are_secret;
  const bool is_second = is_watched && was_opened(datagram);
  const bool is_suspect = is_second || datagram.nature != Datagram::Nature::own;
  const std::uint64_t sent_before = datagrams_sent_;
  const std::vector<PeerLook> peers_before =
      is_watched && is_suspect ? look_at_peers(to) : std::vector<PeerLook>{};
  const Result<void> outcome = hand_over(datagram);
  trace(outcome ? 1 : 2 + static_cast<std::uint64_t>(outcome.error().code));
  if (options_.check_every_step && datagram.nature == Datagram::Nature::crooked)
    check_crooked(datagram, outcome);
  if (is_watched) check_sealed(datagram, is_second, outcome, sent_before, peers_before);
  if (options_.check_every_step && datagram.port == Port::sync) check_delta(to, datagram.bytes, outcome);
  arm(to);
  return outcome;
}

}  // namespace starling::sim
