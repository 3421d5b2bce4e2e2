#include "sim/key_changes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

/// An operator's haste: so long after a step is done everywhere the next one may begin. What was sealed with
/// the old key has arrived by then.
constexpr milliseconds between_steps_min{500};
constexpr std::uint64_t between_steps_ms_more = 2000;
constexpr std::uint64_t between_nodes_ms_max = 1500;
constexpr milliseconds poll{50};
/// The readers keep all that ever were, and a ring has room for eight.
constexpr std::size_t keys_max = 6;

}  // namespace

wire::MasterKey draw_key(Random& random) {
  wire::MasterKey key;
  for (unsigned char& byte : key.bytes) byte = static_cast<unsigned char>(random.next());
  return key;
}

std::string KeyChanges::begin(Simulation& simulation) {
  step(simulation, state_);
  return "the keys change, step by step";
}

void KeyChanges::step(Simulation& simulation, const std::shared_ptr<State>& state) {
  using wire::PlainPackets;
  Random& random = simulation.random();
  wire::KeyRing& ring = *state->ring;
  if (ring.keys.empty()) {
    ring.keys = {draw_key(random)};
  } else if (ring.plain != PlainPackets::refused) {
    ring.plain = ring.plain == PlainPackets::sent ? PlainPackets::accepted : PlainPackets::refused;
  } else if (ring.keys.size() == 1) {
    if (simulation.reader().ring().keys.size() >= keys_max) return;
    ring.keys.push_back(draw_key(random));
    state->is_turned = false;
  } else if (!state->is_turned) {
    std::swap(ring.keys[0], ring.keys[1]);
    state->is_turned = true;
  } else {
    ring.keys.pop_back();
  }
  Instant last = simulation.now();
  for (NodeIndex node = 0; node < simulation.nodes_count(); ++node) {
    const Instant when = simulation.now() + milliseconds(random.below(between_nodes_ms_max));
    last = std::max(last, when);
    simulation.at(when, [&simulation, state, node, now = ring] {
      // Peace may have come, or somebody's mistake: then its end brings the right ones.
      if (!state->over && !simulation.is_estranged(node)) simulation.replace_keys(node, now);
    });
  }
  simulation.at(last + milliseconds(1), [&simulation, state] { wait(simulation, state); });
}

void KeyChanges::wait(Simulation& simulation, const std::shared_ptr<State>& state) {
  if (state->over) return;
  if (!simulation.keys_are_read()) {
    simulation.at(simulation.now() + poll, [&simulation, state] { wait(simulation, state); });
    return;
  }
  const auto pause = between_steps_min + milliseconds(simulation.random().below(between_steps_ms_more));
  simulation.at(simulation.now() + pause, [&simulation, state] {
    if (!state->over) step(simulation, state);
  });
}

std::string ForeignKeys::begin(Simulation& simulation) {
  const wire::KeyRing foreign{.keys = {draw_key(simulation.random())}, .plain = wire::PlainPackets::refused};
  simulation.replace_keys(node_, foreign, true);
  return fmt::format("node {} has keys of nobody else", node_);
}

void ForeignKeys::end(Simulation& simulation) {
  simulation.replace_keys(node_, *ring_);
}

}  // namespace starling::sim
