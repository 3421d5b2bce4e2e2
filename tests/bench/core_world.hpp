/// What the benchmarks of the core have in common: an engine as a node runs it, callers that ask in random
/// order, and a clock that other programs on the machine do not move.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/effects.hpp"
#include "engine/engine.hpp"

namespace starling::bench {

/// CPU time of this thread.
double cpu_ns();
double median(std::vector<double> values);
/// The value that `part` of them do not exceed; `part` in [0, 1].
double quantile(std::vector<double> values, double part);
/// Of this process, in bytes.
std::size_t resident_bytes();

/// Counts what the engine wants sent, and drops it.
class Sink final : public Effects {
 public:
  void send(Port, const Endpoint&, std::span<const std::byte> datagram) override {
    ++packets;
    bytes += datagram.size();
  }
  void notify(const Notice&) override {}
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

/// The name of caller `number`, in a row of fixed size, so that a long list of them is read like a stream: a
/// node has the bytes of a request in its cache, for it has just read them from a socket.
struct CallerText {
  static constexpr std::size_t bytes = 12;
  std::array<char, 16> text{};

  explicit CallerText(std::uint64_t number);
  std::string_view view() const { return {text.data(), bytes}; }
};

/// One rule: each principal, so many requests an hour that nobody is denied.
RuleSet one_rule(Hits requests = 1'000'000'000);
EngineOptions engine_options(std::uint32_t counters_max);

/// An engine and its virtual time: a microsecond a decision, a turn of the loop after every 32.
class World {
 public:
  static constexpr std::size_t decisions_per_turn = 32;

  World(EngineOptions options, RuleSet rules);

  /// Asks for the principal. True: it may pass.
  bool ask(std::string_view principal, std::string_view key = "principal", std::string_view domain = {}) {
    const Entry entry{.key = key, .value = principal};
    return ask(std::span(&entry, 1), domain);
  }
  bool ask(std::span<const Entry> entries, std::string_view domain = {}) {
    const Descriptor descriptor{.entries = entries};
    const Request request{.domain = domain, .descriptors = std::span(&descriptor, 1)};
    return engine.decide(request, now, wall).allowed;
  }
  /// The loop sleeps: what a node does before that. Returns the CPU time it took.
  double turn();

  Engine engine;
  Sink sink;
  Instant now;
  WallTime wall;
};

/// Numbers below `count` in random order, with repetitions.
std::vector<std::uint32_t> random_order(std::size_t count, std::size_t length, std::uint64_t seed);

void register_decide();
void register_rules();
void register_memory();

}  // namespace starling::bench
