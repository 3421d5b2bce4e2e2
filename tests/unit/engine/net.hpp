/// Any number of engines on a wire without delay, whose every datagram a test may drop, double or look at.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/keyed_hash.hpp"
#include "engine/engine.hpp"
#include "wire/codec.hpp"

namespace starling {

inline RuleSet one_limit(Hits requests, std::uint32_t window_s) {
  RuleSet rules = RuleSet::built_in();
  rules.rules[0].limits = {Limit{requests, window_s}};
  return rules;
}

struct Net {
  struct Side final : Effects {
    std::unique_ptr<Engine> engine;
    Endpoint address;
    std::size_t index = 0;
    Net* net = nullptr;
    void send(Port via, const Endpoint& to, std::span<const std::byte> bytes) override {
      net->wire.push_back({index, via, to, {bytes.begin(), bytes.end()}});
    }
    void notify(const Notice&) override {}
  };
  struct Datagram {
    std::size_t from;
    Port via;
    Endpoint to;
    std::vector<std::byte> bytes;
  };

  std::deque<Side> sides;  // a deque: engines keep no reference, but tests do
  std::deque<Datagram> wire;
  /// How many copies of a datagram arrive.
  std::function<int(const Datagram&, std::size_t to)> copies = [](const Datagram&, std::size_t) { return 1; };
  /// Alters a datagram on its way; one without bytes is lost.
  std::function<void(Datagram&, std::size_t to)> alter = [](Datagram&, std::size_t) {};
  Instant now{std::chrono::seconds(100)};
  RuleSet rules;
  wire::Encoder encoder{KeyedHash("starling").cluster_tag()};

  explicit Net(RuleSet set) : rules(std::move(set)) {}

  WallTime wall() const {
    return WallTime(std::chrono::milliseconds(1'800'000'000'000)) +
           std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch() -
                                                                 std::chrono::seconds(100));
  }

  EngineOptions options_for(OriginId origin) const {
    EngineOptions options;
    options.origin = origin;
    options.seed = origin.value;
    options.has_neighborhood = true;
    options.counters_max = 20'000;
    options.components_max = 80'000;
    return options;
  }

  /// Origin n is the n-th side, at 10.0.0.n.
  Side& add() { return add(options_for(OriginId{sides.size() + 1})); }
  Side& add(const EngineOptions& options) {
    Side& side = sides.emplace_back();
    side.index = sides.size() - 1;
    side.net = this;
    side.address = Endpoint{Address::v4(10, 0, 0, static_cast<std::uint8_t>(sides.size())), 4291};
    side.engine = std::make_unique<Engine>(options, rules, now);
    return side;
  }

  /// DNS lists everybody who is up.
  void resolve() {
    std::vector<Endpoint> all;
    for (const Side& side : sides)
      if (side.engine) all.push_back(side.address);
    for (Side& side : sides)
      if (side.engine) side.engine->on_resolved(all, now, side);
  }

  void hand_over(const Datagram& datagram, std::size_t to) {
    const std::uint16_t port = datagram.via == Port::sync ? 4290 : 4291;
    (void)sides[to].engine->on_datagram(Endpoint{sides[datagram.from].address.address, port}, datagram.via,
                                        datagram.bytes, now, wall(), sides[to]);
  }

  void deliver() {
    while (!wire.empty()) {
      Datagram datagram = std::move(wire.front());
      wire.pop_front();
      const std::size_t to = datagram.to.address.bytes[15] - 1U;
      if (to >= sides.size() || !sides[to].engine) continue;
      alter(datagram, to);
      if (datagram.bytes.empty()) continue;
      for (int copy = copies(datagram, to); copy > 0; --copy) hand_over(datagram, to);
    }
  }

  void pass(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      for (Side& side : sides)
        if (side.engine) side.engine->on_tick(now, wall(), side);
      deliver();
      now += std::chrono::microseconds(500);
    }
  }

  /// Starts everybody and lets them meet.
  void settle() {
    resolve();
    pass(std::chrono::milliseconds(500));
  }

  bool ask(Side& side, std::string_view principal, std::uint64_t hits = 1) {
    const Entry entry{"principal", principal};
    const Descriptor descriptor{std::span(&entry, 1)};
    return side.engine->decide(Request{.descriptors = std::span(&descriptor, 1), .hits = hits}, now, wall())
        .allowed;
  }

  Hits total(Side& side, std::string_view principal) {
    const Entry entry{"principal", principal};
    const Descriptor descriptor{std::span(&entry, 1)};
    Hits sum = 0;
    for (const CounterView& view :
         side.engine->counters(Request{.descriptors = std::span(&descriptor, 1)}, wall()))
      sum += view.total;
    return sum;
  }

  /// A forged message, from an address that is nobody's.
  template <class Message>
  Result<void> forge(Side& at, const Message& message, Address from = Address::v4(9, 9, 9, 9)) {
    return at.engine->on_datagram(Endpoint{from, 4290}, Port::sync, encoder.encode(message), now, wall(), at);
  }
};

}  // namespace starling
