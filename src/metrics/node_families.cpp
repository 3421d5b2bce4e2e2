#include <starling/version.hpp>

#include <string>

#include "metrics/families.hpp"
#include "metrics/label_text.hpp"

namespace starling::metrics {
namespace {

constexpr double flag(bool is_set) {
  return is_set ? 1 : 0;
}

void add_config(const NodeCounts& node, FamilyList& out) {
  out.counter("starling_config_reloads_total", "Changes of the rules file. refused: the old rules stay.");
  out.add({{"result", "ok"}}, node.reloads.ok);
  out.add({{"result", "refused"}}, node.reloads.failed);
  out.gauge("starling_config_last_reload_successful", "1 unless the last reload was refused.",
            flag(node.last_reload_ok));
  out.gauge("starling_config_last_reload_success_timestamp_seconds",
            "When the rules in force were put into force; the start counts.",
            static_cast<double>(ms_since_epoch(node.rules_since)) * 1e-3);
  out.gauge("starling_rules", "Rules in force.", static_cast<double>(node.rules_count));
  out.gauge("starling_window_seconds_min",
            "The smallest window of the rules in force; clocks should agree to a tenth of it.",
            static_cast<double>(node.window_s_smallest));
}

void add_overrides(const LiveCounts& live, FamilyList& out) {
  out.gauge("starling_overrides", "Overrides set while running that hold now.");
  for (std::size_t i = 0; i < live.by_kind.size(); ++i)
    out.add({{"kind", live_override_kind_names[i]}}, std::uint64_t{live.by_kind[i]});
  out.counter("starling_overrides_refused_total",
              "Overrides refused. full: no room; clock: set more than a day ahead; flawed, unknown: of other "
              "versions.");
  out.add({{"reason", "full"}}, live.refused_full);
  out.add({{"reason", "clock"}}, live.refused_clock);
  out.add({{"reason", "flawed"}}, live.refused_flawed);
  out.add({{"reason", "unknown"}}, live.refused_unknown);
}

void add_log(const LogStats& log, FamilyList& out) {
  out.counter("starling_log_lines_total", "Lines of the log, by level.");
  for (std::size_t i = 0; i < log.lines.size(); ++i)
    out.add({{"level", name(static_cast<LogLevel>(i))}}, log.lines[i]);
  out.counter("starling_log_lines_dropped_total",
              "Lines of them that were lost, since nobody read them in time.",
              static_cast<double>(log.dropped));
}

}  // namespace

void add_node(const Snapshot& snapshot, FamilyList& out) {
  const NodeCounts& node = snapshot.node;
  const EngineCounts& engine = node.engine;
  out.gauge("starling_counters", "Live counters: principals in the windows of limits.",
            static_cast<double>(engine.counters_used));
  out.gauge("starling_counters_max", "As many find room (--max-counters).",
            static_cast<double>(engine.counters_max));
  out.counter("starling_counters_expired_total", "Counters that left with their window.",
              static_cast<double>(engine.counters_expired));
  out.counter("starling_counters_refused_total",
              "Times that there was no room for a counter, or for one node's share of it.",
              static_cast<double>(engine.counters_refused));
  out.gauge("starling_ready", "1 while gateways should ask this node.",
            flag(node.state == EngineState::ready));
  out.gauge("starling_isolated", "1 while DNS lists other nodes and none can be reached.",
            flag(engine.isolated));
  out.gauge("starling_nodes", "Live nodes, this one included.", engine.nodes_count);
  out.gauge("starling_nodes_known", "Nodes of the neighborhood, reachable or not, this one included.",
            engine.known_count);
  out.counter("starling_dns_resolutions_total",
              "Rounds of look-ups of the neighborhood. error: a name had no address, or no answer came.");
  out.add({{"result", "ok"}}, node.dns_ok);
  out.add({{"result", "error"}}, node.dns_failed);
  add_config(node, out);
  add_overrides(engine.live, out);
  add_log(node.log, out);
  out.gauge("starling_build_info", "1; what runs here.");
  out.add({{"version", version}, {"protocol", std::to_string(wire::protocol_version)}}, 1.0);
  out.gauge("starling_node_info", "1; what this node is called.");
  out.add({{"node", label_text(node.name)}, {"cluster", label_text(node.cluster)}}, 1.0);
}

void add_process(const Snapshot& snapshot, FamilyList& out) {
  out.histogram(
      "starling_loop_busy_seconds",
      "How long one turn of the event loop took, from waking to sleeping; everybody waits meanwhile.",
      snapshot.loop_busy);
  const ProcessUsage& process = snapshot.process;
  out.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", process.cpu_s);
  out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
            static_cast<double>(process.resident_bytes));
  out.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
            static_cast<double>(process.virtual_bytes));
  out.gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(process.open_fds));
  out.gauge("process_max_fds", "Maximum number of open file descriptors.",
            static_cast<double>(process.max_fds));
  out.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
            process.started_at_s);
}

}  // namespace starling::metrics
