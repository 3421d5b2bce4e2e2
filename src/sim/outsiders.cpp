#include "sim/outsiders.hpp"

#include <algorithm>

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using Datagram = Simulation::Datagram;
using Nature = Datagram::Nature;

/// Kept of what was seen: any of the whole past, each as likely as another.
constexpr std::size_t kept_max = 3000;
constexpr std::uint64_t pause_ms_max = 30;
constexpr std::uint64_t at_once_max = 4;
constexpr double burst_share = 0.002;
constexpr std::uint64_t burst_max = 3000;
constexpr std::size_t udp_bytes_max = 65'507;
constexpr std::size_t form_at = 6;
constexpr std::size_t key_at = 16;
constexpr std::size_t mark_at = 20;
constexpr std::size_t sender_at = 24;
constexpr std::size_t counter_at = 32;

}  // namespace

class Outsiders::Play final : public Simulation::Tap {
 public:
  explicit Play(Simulation& simulation) : simulation_(simulation), random_(simulation.random()) {}

  bool on_sent(const Datagram& datagram) override {
    ++seen_;
    if (kept_.size() < kept_max) {
      kept_.push_back(datagram);
    } else if (const std::uint64_t place = random_.below(seen_); place < kept_max) {
      kept_[place] = datagram;
    }
    return false;
  }

  void act() {
    if (kept_.empty()) return;
    const Datagram& old = any();
    switch (random_.below(10)) {
      case 0:
      case 1:
        return repeat(old);
      case 2:
        return repeat(to_another(old));
      case 3:
        return repeat(from_another(old));
      case 4:
        return to_other_port(old);
      case 5:
        return send_made(flipped(old), old);
      case 6:
        return send_made(resized(old), old);
      case 7:
        return splice(old, any());
      case 8:
        return send_made(disguised(old), old);
      default:
        return send_made(made_up(old), old);
    }
  }

  Simulation& simulation() { return simulation_; }
  bool over = false;

 private:
  const Datagram& any() { return kept_[random_.below(kept_.size())]; }
  NodeIndex node() { return random_.below(simulation_.nodes_count()); }

  void repeat(Datagram copy) {
    copy.nature = Nature::copy;
    const std::uint64_t times = random_.chance(burst_share) ? 1 + random_.below(burst_max) : 1;
    for (std::uint64_t i = 0; i < times; ++i) simulation_.arrive(copy);
  }

  Datagram to_another(Datagram datagram) {
    datagram.to = node();
    if (random_.chance(0.5)) return from_another(datagram);
    return datagram;
  }

  Datagram from_another(Datagram datagram) {
    datagram.from.address = random_.chance(0.5)
                                ? Address::v4(192, 0, 2, static_cast<std::uint8_t>(1 + random_.below(50)))
                                : simulation_.heartbeat_endpoint(node()).address;
    if (random_.chance(0.2)) datagram.from.port = static_cast<std::uint16_t>(1 + random_.below(65'535));
    return datagram;
  }

  void to_other_port(Datagram datagram) {
    const Port port = datagram.port == Port::sync ? Port::heartbeat : Port::sync;
    simulation_.arrive(datagram.to, datagram.from, port, datagram.bytes);
  }

  std::vector<std::byte> flipped(const Datagram& old) {
    std::vector<std::byte> bytes = old.bytes;
    // Each place of a packet has its turn.
    next_bit_ = (next_bit_ + 1) % (8 * bytes.size());
    bytes[next_bit_ / 8] ^= std::byte{1} << (next_bit_ % 8);
    for (std::uint64_t more = random_.chance(0.2) ? random_.below(8) : 0; more > 0; --more)
      bytes[random_.below(bytes.size())] ^= std::byte{1} << random_.below(8);
    return bytes;
  }

  std::vector<std::byte> resized(const Datagram& old) {
    std::vector<std::byte> bytes = old.bytes;
    if (random_.chance(0.5)) {
      bytes.resize(random_.below(bytes.size()));
      return bytes;
    }
    const std::size_t most = random_.chance(0.1) ? udp_bytes_max : wire::datagram_bytes_max + 100;
    const std::size_t size = bytes.size() + 1 + random_.below(most - bytes.size());
    while (bytes.size() < size) bytes.push_back(static_cast<std::byte>(random_.next()));
    return bytes;
  }

  void splice(const Datagram& head, const Datagram& body) {
    constexpr std::array<std::size_t, 5> cuts{wire::header_bytes, mark_at, sender_at, counter_at,
                                              wire::sealed_header_bytes};
    const std::size_t shorter = std::min(head.bytes.size(), body.bytes.size());
    const std::size_t cut = random_.chance(0.7) ? cuts[random_.below(cuts.size())] : random_.below(shorter);
    std::vector<std::byte> bytes(head.bytes.begin(), head.bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    bytes.insert(bytes.end(), body.bytes.begin() + static_cast<std::ptrdiff_t>(cut), body.bytes.end());
    // All that comes before the key's name is alike in datagrams of one kind.
    if (bytes == body.bytes) return repeat(body);
    send_made(bytes, head);
  }

  /// Told to be plain, of another version or kind.
  std::vector<std::byte> disguised(const Datagram& old) {
    std::vector<std::byte> bytes = old.bytes;
    if (random_.chance(0.5)) {
      bytes[form_at] = static_cast<std::byte>(random_.chance(0.5) ? 0 : random_.next());
    } else {
      bytes[random_.below(wire::header_bytes)] = static_cast<std::byte>(random_.below(12));
    }
    if (random_.chance(0.3))
      bytes.erase(bytes.begin() + wire::header_bytes, bytes.begin() + wire::sealed_header_bytes);
    return bytes;
  }

  void write(std::vector<std::byte>& bytes, std::size_t at, std::size_t count, std::uint64_t value) {
    for (std::size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
  }

  std::vector<std::byte> made_up(const Datagram& like) {
    std::vector<std::byte> bytes(like.bytes.begin(), like.bytes.begin() + wire::sealed_header_bytes);
    if (random_.chance(0.7)) write(bytes, mark_at, 4, random_.next());
    if (random_.chance(0.1)) write(bytes, key_at, 4, random_.next());
    if (random_.chance(0.5)) write(bytes, sender_at, 8, random_.chance(0.1) ? 0 : random_.next());
    const std::array<std::uint64_t, 4> counters{0, 1, ~std::uint64_t{0}, random_.next()};
    if (random_.chance(0.7)) write(bytes, counter_at, 8, counters[random_.below(counters.size())]);
    const std::size_t body = random_.below(wire::datagram_bytes_max - wire::sealed_header_bytes + 1);
    while (bytes.size() < wire::sealed_header_bytes + body)
      bytes.push_back(static_cast<std::byte>(random_.next()));
    return bytes;
  }

  void send_made(const std::vector<std::byte>& bytes, const Datagram& like) {
    if (bytes == like.bytes) return repeat(like);
    const Datagram aimed = random_.chance(0.3) ? to_another(like) : like;
    simulation_.arrive(aimed.to, aimed.from, aimed.port, bytes);
  }

  Simulation& simulation_;
  Random& random_;
  std::vector<Datagram> kept_;
  std::uint64_t seen_ = 0;
  std::size_t next_bit_ = 0;
};

Outsiders::Outsiders() = default;
Outsiders::~Outsiders() = default;

std::string Outsiders::begin(Simulation& simulation) {
  play_ = std::make_shared<Play>(simulation);
  simulation.add_tap(play_);
  again(play_);
  return "outsiders listen and send";
}

void Outsiders::end(Simulation& simulation) {
  if (play_ == nullptr) return;
  play_->over = true;
  simulation.remove_tap(play_);
}

void Outsiders::again(const std::shared_ptr<Play>& play) {
  if (play->over) return;
  Simulation& simulation = play->simulation();
  for (std::uint64_t count = 1 + simulation.random().below(at_once_max); count > 0; --count) play->act();
  const auto next = simulation.now() + milliseconds(1 + simulation.random().below(pause_ms_max));
  simulation.at(next, [play] { again(play); });
}

}  // namespace starling::sim
