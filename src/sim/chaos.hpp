/// A whole life of a cluster, drawn from one number: how many nodes, which rules, what load, and what goes
/// wrong; then peace, and the demand that everybody agrees, on the truth, and falls quiet.
///
/// Five kinds of scenes take turns with the seed:
///   few      few principals at their limits, requests of several hits, windows of all lengths;
///   crowded  thousands of counters, so that no packet holds everything;
///   full     tables so small that they fill up: what was refused is known, all else stays exact;
///   forged   packets that nodes cannot but believe: counts may be wrong in the windows that were lied about,
///            nothing may break, and later windows are as if nothing had been;
///   sealed   few principals, packets sealed with secret keys that change, and outsiders who see everything,
///            play it again, change it, hold it back and make things up, until the end: none of it may be
///            taken for what it is not.
/// In the other scenes packets are plain or sealed, or become sealed on the way; forgers then hold the key.
/// In all of them every check of `simulation.hpp` runs after every step. A failure is replayed by its seed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::sim {

struct ChaosOptions {
  std::uint64_t seed = 1;
};

enum class Scene : std::uint8_t { few, crowded, full, forged, sealed };
inline constexpr std::uint64_t scenes_count = 5;
constexpr Scene scene_of(std::uint64_t seed) {
  return static_cast<Scene>(seed % scenes_count);
}
std::string_view name(Scene scene);

struct ChaosReport {
  std::uint64_t seed = 0;
  std::vector<std::string> story;  ///< what was drawn, and what happened when, for people
  std::string failure;             ///< empty: all was well; else why not, the seed, and how to see it again
  std::uint64_t trace_hash = 0;
  double virtual_s = 0;

  // Figures.
  std::uint64_t requests = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t checks = 0;
  std::uint64_t views_compared = 0;  ///< when all agreed in the end
  double agreed_after_s = 0;         ///< after the last request; looked at every 0.1 s
  double heartbeats_per_link_s = 0;  ///< when quiet, from each node to each other
};

ChaosReport run_chaos(const ChaosOptions& options);

}  // namespace starling::sim
