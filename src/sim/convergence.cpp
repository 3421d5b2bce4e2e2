#include "sim/convergence.hpp"

#include <algorithm>
#include <cmath>

namespace starling::sim {
namespace {

/// A third node hands on what a live origin has counted only after a second (`Gossip`): until then nobody
/// else need be looked at.
constexpr Duration only_from_itself = std::chrono::seconds(1);

Hits seen(Simulation& simulation, NodeIndex node, std::string_view principal, std::uint64_t window_id,
          OriginId origin) {
  const Entry entry{.key = "principal", .value = principal};
  const Descriptor descriptor{.entries = std::span(&entry, 1)};
  const Request request{.domain = {}, .descriptors = std::span(&descriptor, 1), .hits = 0};
  for (const CounterView& view : simulation.engine(node).counters(request, simulation.wall(node)))
    if (view.window_id == window_id)
      for (const CounterView::Share& share : view.shares)
        if (share.origin == origin) return share.hits;
  return 0;
}

}  // namespace

bool Convergence::draw(double per_window) {
  return per_window > 0 && random_.chance(static_cast<double>(options_.per_window) / per_window);
}

void Convergence::on_admitted(Simulation& simulation, std::string_view principal, const Hit& hit) {
  Watched watched{.hit = hit,
                  .in_all = draw(options_.admitted_per_window),
                  .in_near_limit = hit.near_limit && draw(options_.near_limit_per_window),
                  .admitted = simulation.now(),
                  .principal = std::string(principal),
                  .knows = {},
                  .ignorant_count = simulation.nodes_count() - 1};
  if (!watched.in_all && !watched.in_near_limit) return;
  if (watched.ignorant_count == 0) return finish(watched, simulation.now());
  watched.knows.resize(simulation.nodes_count());
  watched_.push_back(std::move(watched));
}

void Convergence::on_delta(Simulation& simulation, NodeIndex from, NodeIndex to) {
  const Instant now = simulation.now();
  std::erase_if(watched_, [&](Watched& watched) {
    const Hit& hit = watched.hit;
    if (to == hit.node || watched.knows[to]) return false;
    if (from != hit.node && now - watched.admitted < only_from_itself) return false;
    const OriginId origin = simulation.engine(hit.node).origin();
    if (seen(simulation, to, watched.principal, hit.window_id, origin) < hit.own) return false;
    watched.knows[to] = true;
    if (--watched.ignorant_count != 0) return false;
    finish(watched, now);
    return true;
  });
}

void Convergence::finish(const Watched& watched, Instant now) {
  const double ms = static_cast<double>((now - watched.admitted).count()) / 1e6;
  if (watched.in_all) all_ms_.push_back(ms);
  if (watched.in_near_limit) near_limit_ms_.push_back(ms);
}

std::uint64_t Convergence::missing(bool near_limit) const {
  return static_cast<std::uint64_t>(std::count_if(
      watched_.begin(), watched_.end(),
      [&](const Watched& watched) { return near_limit ? watched.in_near_limit : watched.in_all; }));
}

Convergence::Percentiles Convergence::percentiles(std::vector<double> values, std::uint64_t missing) {
  std::sort(values.begin(), values.end());
  Percentiles out{.watched = values.size() + missing, .p50 = {}, .p99 = {}};
  const auto at = [&](double share) -> std::optional<double> {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(out.watched)));
    if (rank == 0 || rank > values.size()) return std::nullopt;
    return values[rank - 1];
  };
  out.p50 = at(0.5);
  out.p99 = at(0.99);
  return out;
}

}  // namespace starling::sim
