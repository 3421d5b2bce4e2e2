#include "engine/top_board.hpp"

#include <algorithm>
#include <bit>

#include "limiter/principal_text.hpp"
#include "limiter/sliding_window.hpp"

namespace starling {
namespace {

constexpr Duration forget_interval = std::chrono::milliseconds(250);

bool is_current(const CounterId& id, WallTime wall) {
  return Window::at(wall, id.window.length_s).id == id.window.id;
}

}  // namespace

TopBoard::TopBoard(Options options, const CounterTable& counters, const Limiter& limiter,
                   const Membership& membership, Gossip& gossip)
    : counters_(counters),
      limiter_(limiter),
      gossip_(gossip),
      names_(options.names_max),
      exchange_(options.self, membership, names_) {}

void TopBoard::note(const Request& request, const LimitStatus& status, CounterKey key) {
  if (names_.touch(key, status.limit)) return;
  const auto index = static_cast<std::size_t>(std::countr_zero(status.descriptors));
  if (index >= request.descriptors.size()) return;
  const Rule* rule = status.rule_index == no_rule ? nullptr : &limiter_.rules().rules[status.rule_index];
  write_principal(rule, request.descriptors[index], text_);
  names_.put(
      key, CounterName{
               .rule = status.rule, .principal = text_, .window_s = status.window_s, .limit = status.limit});
}

void TopBoard::note_new_counters(const Request& request, const Decision& decision) {
  for (const Limiter::Charge& charge : limiter_.charges())
    if (charge.is_first)
      note(request, decision.limits[charge.status], limiter_.counters()[charge.status].key);
}

void TopBoard::on_decision(const Request& request, const Decision& decision) {
  note_new_counters(request, decision);
  for (std::size_t i = 0; i < decision.limits.size(); ++i) {
    const LimitStatus& status = decision.limits[i];
    if (status.allowed || status.unlimited || status.hits == 0) continue;
    const CounterId& id = limiter_.counters()[i];
    // A caller that is denied from the start has no counter of its own here, and is of interest all the same.
    if (denied_.add(id, status.hits, !status.enforced)) note(request, status, id.key);
  }
}

TopScan& TopBoard::scan_for(const TopQuery& query, Instant now) {
  const auto found =
      std::find_if(scans_.begin(), scans_.end(), [&](const Scan& each) { return each.scan.serves(query); });
  if (found != scans_.end()) {
    found->asked_at = now;
    return found->scan;
  }
  if (scans_.size() == scans_max)
    scans_.erase(std::min_element(scans_.begin(), scans_.end(),
                                  [](const Scan& a, const Scan& b) { return a.asked_at < b.asked_at; }));
  return scans_.emplace_back(Scan{TopScan(query.by, query.rule, query.one_per_rule), now}).scan;
}

std::vector<CounterId> TopBoard::candidates(const TopQuery& query, Instant now, WallTime wall,
                                            TopView& view) {
  std::vector<CounterId> found;
  if (query.by == TopQuery::By::denied) {
    for (const DeniedSketch::Row& row : denied_.rows()) found.push_back(row.counter);
    view.scanned = found.size();
    return found;
  }
  TopScan& scan = scan_for(query, now);
  const bool fresh = scan.finished() && now - scan.finished_at() < result_age_max;
  if (counters_.rows_count() <= TopScan::slice_rows_max) {
    scan.begin();
    scan.read_slice(counters_, names_, now, wall);
  } else if (!fresh) {
    if (!scan.running()) scan.begin();
    next_slice_ = std::min(next_slice_, now);
    view.complete = false;
  }
  view.scanned = scan.scanned();
  return scan.candidates();
}

void TopBoard::list_sliding_rules() {
  sliding_.clear();
  for (const Rule& rule : limiter_.rules().rules)
    if (rule.algorithm == Algorithm::sliding_window) sliding_.push_back(rule.name);
  std::sort(sliding_.begin(), sliding_.end());
}

/// As the limiter sees it: a poisoned count can use up one counter and nothing more.
Hits TopBoard::used_of(const CounterId& id, const CounterName* name, WallTime wall) const {
  if (name == nullptr) return counters_.value(id);
  const Hits component_max = saturating_add(name->limit, hits_per_request_max);
  const Hits current = counters_.value_clamped(id, component_max);
  const bool slides = std::binary_search(sliding_.begin(), sliding_.end(), name->rule);
  if (id.window.id.value == 0 || !slides) return current;
  const Hits previous = counters_.value_clamped(id.previous(), component_max);
  return saturating_add(current, weighted_previous(previous, id.window, wall));
}

double TopBoard::score_of(TopQuery::By by, const CounterId& id, const CounterName* name,
                          WallTime wall) const {
  if (by == TopQuery::By::hits) return static_cast<double>(counters_.value(id));
  if (by == TopQuery::By::denied) {
    const DeniedSketch::Row* row = denied_.find(id);
    return row == nullptr ? 0 : static_cast<double>(row->seen());
  }
  const Hits limit = name == nullptr ? 0 : name->limit;
  return static_cast<double>(used_of(id, name, wall)) / static_cast<double>(std::max<Hits>(limit, 1));
}

TopRow TopBoard::row_of(const CounterId& id, bool with_shares, WallTime wall) {
  const auto name = names_.find(id.key);
  TopRow row{.key = id.key,
             .named = name.has_value(),
             .rule = std::string(name ? name->rule : ""),
             .principal = std::string(name ? name->principal : ""),
             .limit = name ? name->limit : 0,
             .window_s = id.window.length_s,
             .window_id = id.window.id.value,
             .used = used_of(id, name ? &*name : nullptr, wall)};
  if (const DeniedSketch::Row* denied = denied_.find(id)) {
    row.denied_here = denied->denied;
    row.learned_here = denied->learned;
  }
  if (!with_shares) return row;
  counters_.for_each_component(id, [&](const Component& component) {
    row.shares.push_back({gossip_.origin_id(component.origin), component.hits});
  });
  std::sort(row.shares.begin(), row.shares.end(), [](const auto& a, const auto& b) {
    return a.hits != b.hits ? a.hits > b.hits : a.origin < b.origin;
  });
  row.nodes_count = row.shares.size();
  if (row.shares.size() > shares_max) row.shares.resize(shares_max);
  return row;
}

void TopBoard::ask_for(const CounterId& id, Instant now, TopView& view) {
  ++view.unnamed;
  std::vector<std::pair<Hits, OriginId>> holders;
  counters_.for_each_component(id, [&](const Component& component) {
    if (component.origin != own_origin)
      holders.emplace_back(component.hits, gossip_.origin_id(component.origin));
  });
  std::sort(holders.begin(), holders.end(), std::greater<>());
  std::vector<OriginId> origins;
  origins.reserve(holders.size());
  for (const auto& [hits, origin] : holders) origins.push_back(origin);
  view.asking += exchange_.want(id.key, id.window.length_s, origins, now) ? 1 : 0;
}

TopView TopBoard::top(const TopQuery& query, Instant now, WallTime wall, Effects& effects) {
  TopView view;
  const bool needs_name = query.by == TopQuery::By::usage || !query.rule.empty() || query.one_per_rule;
  std::vector<Ranked> ranked;
  std::vector<Ranked> unnamed;
  list_sliding_rules();
  for (const CounterId& id : candidates(query, now, wall, view)) {
    if (!is_current(id, wall)) continue;
    const auto name = names_.peek(id.key);
    if (!name && needs_name) {
      unnamed.push_back({static_cast<double>(counters_.value(id)), id});
      continue;
    }
    if (name && !query.rule.empty() && name->rule != query.rule) continue;
    const double score = score_of(query.by, id, name ? &*name : nullptr, wall);
    if (score > 0) ranked.push_back({score, id});
  }
  const auto hotter = [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.counter < b.counter;
  };
  std::sort(ranked.begin(), ranked.end(), hotter);
  std::sort(unnamed.begin(), unnamed.end(), hotter);
  ranked.resize(std::min({ranked.size(), query.rows_max, top_rows_max}));
  for (const Ranked& each : ranked) {
    view.rows.push_back(row_of(each.counter, !query.one_per_rule, wall));
    if (!view.rows.back().named) unnamed.push_back(each);
  }
  unnamed.resize(std::min(unnamed.size(), TopScan::unnamed_max));
  for (const Ranked& each : unnamed) ask_for(each.counter, now, view);
  exchange_.send(gossip_.egress(), gossip_.encoder(), now, effects);
  return view;
}

void TopBoard::on_tick(Instant now, WallTime wall) {
  if (now >= next_forget_) {
    denied_.forget_ended(wall);
    std::erase_if(scans_, [&](const Scan& each) { return now - each.asked_at > scan_kept_for; });
    next_forget_ = now + forget_interval;
  }
  if (now < next_slice_) return;
  next_slice_ = never;
  for (std::size_t i = 0; i < scans_.size(); ++i) {
    TopScan& scan = scans_[(turn_ + i) % scans_.size()].scan;
    if (!scan.running()) continue;
    turn_ = (turn_ + i + 1) % scans_.size();
    scan.read_slice(counters_, names_, now, wall);
    break;
  }
  if (std::any_of(scans_.begin(), scans_.end(), [](const Scan& each) { return each.scan.running(); }))
    next_slice_ = now + slice_interval;
}

}  // namespace starling
