"""What the dashboard shows: rows of panels, each with a title, what to read from it, a unit and its queries.

generate.py lays them out. In a query, `{}` behind a metric stands for the nodes that were chosen on top of the dashboard, and
`{result="denied"}` for those and more; [rate] is Grafana's $__rate_interval. A legend uses labels of the query's result.
"""

NODE = "by (pod, instance)"
NODE_LEGEND = "{{pod}} {{instance}}"


def stat(title, description, unit, *queries, **more):
    return {"type": "stat", "title": title, "description": description, "unit": unit, "queries": queries, "width": 4,
            "height": 4, **more}


def graph(title, description, unit, *queries, **more):
    return {"type": "timeseries", "title": title, "description": description, "unit": unit, "queries": queries, "width": 8,
            "height": 8, **more}


def quantiles(metric, labels, legend):
    """p50, p99 and p99.9 of a histogram."""
    return [(f"histogram_quantile({share}, sum by ({', '.join(['le', *labels])}) (rate({metric}_bucket{{}}[rate])))",
             f"{name}{legend}") for share, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))]


GREEN_RED = [("green", None), ("red", 1)]
RED_GREEN = [("red", None), ("green", 1)]
SHARES = [("green", None), ("orange", 0.2), ("red", 0.5)]

ROWS = [
    ("At a glance", [
        stat("Nodes ready", "Nodes that answer gateways. Compare with how many there should be.", "none",
             ("sum(starling_ready{})", "ready"), ("count(starling_ready{})", "scraped"), thresholds=RED_GREEN),
        stat("Requests", "Requests decided in the whole cluster, allowed and denied.", "reqps",
             ("sum(rate(starling_verdicts_total{}[rate]))", "requests")),
        stat("Share denied", "Of all requests, those that were over a limit.", "percentunit",
             ('sum(rate(starling_verdicts_total{result="denied"}[rate])) / sum(rate(starling_verdicts_total{}[rate]))', "denied"),
             thresholds=SHARES),
        stat("Not decided", "Requests that an error kept from being decided. Anything but 0 is worth a report.", "short",
             ('sum(increase(starling_verdicts_total{result="failed"}[$__range]))', "failed"), thresholds=GREEN_RED),
        stat("Alerts", "Alerts of Starling that fire now. k8s/README.md tells what to do about each.", "none",
             ('count(ALERTS{alertname=~"Starling.*", alertstate="firing", job=~"$job", namespace=~"$namespace"}) or vector(0)',
              "firing"), thresholds=GREEN_RED),
        stat("Versions", "Versions that run now; more than one during an upgrade only.", "none",
             ("count by (version, protocol) (starling_build_info{})", "{{version}}, protocol {{protocol}}"), text="value_and_name"),
    ]),
    ("Decisions", [
        graph("Verdicts", "Requests as a whole: all limits allowed them, one denied them, or no decision was possible.", "reqps",
              ("sum by (result) (rate(starling_verdicts_total{}[rate]))", "{{result}}"), stack=True),
        graph("Verdicts per node", "Requests decided by each node. Limits hold however unevenly gateways spread them.", "reqps",
              (f"sum {NODE} (rate(starling_verdicts_total{{}}[rate]))", NODE_LEGEND), stack=True),
        graph("Share denied per node", "Nodes that hear each other deny about the same share of the same traffic.", "percentunit",
              (f'sum {NODE} (rate(starling_verdicts_total{{result="denied"}}[rate])) / sum {NODE} (rate(starling_verdicts_total{{}}[rate]))',
               NODE_LEGEND)),
        graph("Allowed by rule", "Requests that a rule would have let pass; another rule may have denied some of them.", "reqps",
              ('sum by (domain, rule) (rate(starling_decisions_total{result="allowed", rule=~"$rule"}[rate]))', "{{domain}} {{rule}}")),
        graph("Denied by rule", "Requests over the limit of a rule. `starling top` tells whose they are.", "reqps",
              ('sum by (domain, rule) (rate(starling_decisions_total{result="denied", rule=~"$rule"}[rate]))', "{{domain}} {{rule}}")),
        graph("Would be denied: learning rules", "Requests over the limit of a rule that only learns; they passed.", "reqps",
              ('sum by (domain, rule) (rate(starling_decisions_total{result="learning_denied", rule=~"$rule"}[rate]))',
               "{{domain}} {{rule}}")),
        graph("Share denied by rule", "Of the requests that a rule applied to.", "percentunit",
              ('sum by (domain, rule) (rate(starling_decisions_total{result="denied", rule=~"$rule"}[rate])) '
               '/ sum by (domain, rule) (rate(starling_decisions_total{rule=~"$rule"}[rate]))', "{{domain}} {{rule}}")),
        graph("Rules by node", "What one rule denies on each node; choose it on top.", "reqps",
              ('sum by (pod, instance, rule) (rate(starling_decisions_total{result="denied", rule=~"$rule"}[rate]))',
               "{{rule}} " + NODE_LEGEND)),
        graph("Not enforced", "Limits that found no room in a full table, requests held to some of their limits only, "
              "requests that could not be decided. All should be 0.", "ops",
              ("sum(rate(starling_uncounted_limits_total{}[rate]))", "limits uncounted"),
              ("sum(rate(starling_truncated_decisions_total{}[rate]))", "decisions truncated"),
              ('sum(rate(starling_verdicts_total{result="failed"}[rate]))', "requests not decided")),
    ]),
    ("Latency", [
        graph("Duration of a decision", "From the question to the verdict inside the node, a sample of all. No network, no waiting.", "s",
              *quantiles("starling_decision_duration_seconds", [], "")),
        graph("Turn of the event loop, p99", "How long a node works before it looks for new work: what a request waits in the worst "
              "of a hundred cases.", "s",
              ("histogram_quantile(0.99, sum by (le, pod, instance) (rate(starling_loop_busy_seconds_bucket{}[rate])))", NODE_LEGEND)),
        graph("Event loop busy", "Share of the time that a node works. It uses one core: near 100 % requests queue.", "percentunit",
              (f"sum {NODE} (rate(starling_loop_busy_seconds_sum{{}}[rate]))", NODE_LEGEND), max=1),
    ]),
    ("Neighborhood", [
        graph("Live nodes, as each node sees it", "Itself included. Lines that differ for long are a divided cluster.", "none",
              (f"max {NODE} (starling_nodes{{}})", NODE_LEGEND)),
        graph("Nodes missing", "Known from DNS or before, and not alive.", "none",
              (f"max {NODE} (starling_nodes_known{{}} - starling_nodes{{}})", NODE_LEGEND)),
        graph("Ready and isolated", "Nodes that answer gateways, and nodes that hear no other node.", "none",
              ("sum(starling_ready{})", "ready"), ("sum(starling_isolated{})", "isolated")),
        graph("Peers by state", "Pairs of nodes: of how many peers the nodes think what.", "none",
              ("sum by (state) (starling_peers{})", "{{state}}"), stack=True),
        graph("Lag", "How long counts of a peer have been missing at a node; the twenty worst pairs.", "s",
              ("topk(20, starling_peer_lag_seconds{})", "{{peer}} at {{pod}} {{instance}}")),
        graph("Lag, worst peer of each node", "More than the limit passes by what others admit meanwhile.", "s",
              (f"max {NODE} (starling_peer_lag_seconds_max{{}})", NODE_LEGEND)),
        graph("Round trip", "Between nodes, by heartbeats; the twenty longest. The dashed line is the delay D that all nodes agree on for "
              "guarded admission.", "s",
              ("topk(20, starling_peer_rtt_seconds{})", "{{peer}} at {{pod}} {{instance}}"),
              ("max(starling_peer_rtt_seconds_max{})", "worst"), ("max(starling_peer_delay_seconds{})", "D, agreed"), dashed="D, agreed"),
        graph("Clock skew", "A peer's clock minus that of the node; the twenty largest. Worth a look above a tenth of the smallest "
              "window.", "s",
              ("topk(20, abs(starling_peer_clock_skew_seconds{}))", "{{peer}} at {{pod}} {{instance}}"),
              ("max(starling_peer_clock_skew_seconds_max{})", "worst"),
              ("min(starling_window_seconds_min{}) / 10", "a tenth of the smallest window"),
              dashed="a tenth of the smallest window"),
        graph("DNS", "Look-ups of the neighborhood's name. Errors are normal only before the first pod is there.", "ops",
              ("sum by (result) (rate(starling_dns_resolutions_total{}[rate]))", "{{result}}")),
    ]),
    ("Gossip", [
        graph("Packets", "Received is drawn below zero. Deltas carry counts, heartbeats the rest.", "pps",
              ('sum by (kind) (rate(starling_gossip_packets_total{direction="sent"}[rate]))', "{{kind}} sent"),
              ('-sum by (kind) (rate(starling_gossip_packets_total{direction="received"}[rate]))', "{{kind}} received")),
        graph("Bytes", "Received is drawn below zero.", "Bps",
              ('sum by (kind) (rate(starling_gossip_bytes_total{direction="sent"}[rate]))', "{{kind}} sent"),
              ('-sum by (kind) (rate(starling_gossip_bytes_total{direction="received"}[rate]))', "{{kind}} received")),
        graph("Egress by purpose", "What the shaper lets out; --egress-limit is per node.", "Bps",
              ("sum by (purpose) (rate(starling_gossip_egress_bytes_total{}[rate]))", "{{purpose}}"), stack=True),
        graph("Counter entries", "Counts told and heard. Per packet: how well they share one.", "ops",
              ("sum by (direction) (rate(starling_gossip_entries_total{}[rate]))", "{{direction}}")),
        graph("Flushes", "Why counts were published: a limit is near (urgent), or it was time (lazy).", "ops",
              ("sum by (cause) (rate(starling_gossip_flushes_total{}[rate]))", "{{cause}}")),
        graph("Retransmissions", "Deltas sent again for want of an acknowledgement: lost packets, slow or dead peers.", "ops",
              (f"sum {NODE} (rate(starling_gossip_retransmissions_total{{}}[rate]))", NODE_LEGEND)),
        graph("Packets refused", "Received and refused, whole or in part, by reason.", "pps",
              ("sum by (reason) (rate(starling_gossip_dropped_total{}[rate])) > 0", "{{reason}}")),
        graph("Sealed packets", "Opened with a key. What was refused because of keys is among the packets refused.", "pps",
              ("sum(rate(starling_sealed_packets_opened_total{}[rate]))", "opened")),
        graph("Keys", "Keys that nodes have, packets that are not sealed taken (1), and changes of the key file refused: in step but "
              "while a change goes round.", "short",
              (f"max {NODE} (starling_keys{{}})", "keys of " + NODE_LEGEND),
              ("max(starling_plain_packets_accepted{})", "plain is taken"),
              ("sum by (result) (increase(starling_key_reloads_total{}[rate]))", "reloads {{result}}"),
              ("min(starling_key_last_reload_successful{})", "the last reload was good")),
        graph("UDP errors", "What the sockets could not send or receive. send_queued only had to wait.", "pps",
              ("sum by (socket, reason) (rate(starling_udp_errors_total{}[rate])) > 0", "{{socket}} {{reason}}")),
    ]),
    ("Counters and memory", [
        graph("Counters", "Live counters of each node: one per principal, limit and window. Nodes that hear each other hold the same.",
              "short", (f"max {NODE} (starling_counters{{}})", NODE_LEGEND), ("min(starling_counters_max{})", "bound"), dashed="bound"),
        graph("Table used", "Share of the counter table. Full means limits that are not counted.", "percentunit",
              (f"max {NODE} (starling_counters{{}} / starling_counters_max{{}})", NODE_LEGEND), max=1),
        graph("Counters gone and refused", "Gone with their window, which is as it should be; refused for want of room, which is not.", "ops",
              ("sum(rate(starling_counters_expired_total{}[rate]))", "expired"),
              ("sum(rate(starling_counters_refused_total{}[rate]))", "refused")),
    ]),
    ("Front ends", [
        graph("Requests by protocol and code", "What gateways were told. 429 and OVER_LIMIT are denials, not errors.", "reqps",
              ("sum by (protocol, code) (rate(starling_requests_total{}[rate]))", "{{protocol}} {{code}}")),
        graph("Connections", "Open now.", "none",
              ("sum by (front_end, pod, instance) (starling_connections{})", "{{front_end}} " + NODE_LEGEND)),
        graph("New connections", "Per second. Many of them mean gateways that do not keep theirs; refused ones, a bound that is reached.",
              "ops", ("sum by (front_end) (rate(starling_connections_accepted_total{}[rate]))", "{{front_end}} accepted"),
              ("sum by (front_end) (rate(starling_connections_refused_total{}[rate]))", "{{front_end}} refused")),
        graph("Errors by reason", "What front ends refused or gave up before a decision.", "ops",
              ("sum by (front_end, reason) (rate(starling_front_end_errors_total{}[rate])) > 0", "{{front_end}} {{reason}}"), width=24),
    ]),
    ("Configuration and overrides", [
        graph("Last reload went well", "1: the rules of the file hold. 0: the file was refused, older rules hold.", "bool",
              (f"min {NODE} (starling_config_last_reload_successful{{}})", NODE_LEGEND)),
        graph("Reloads", "Since the file changed, or by SIGHUP.", "short",
              ("sum by (result) (increase(starling_config_reloads_total{}[rate]))", "{{result}}")),
        graph("Age of the rules", "Since a node started, or last took over a changed file.", "s",
              (f"time() - max {NODE} (starling_config_last_reload_success_timestamp_seconds{{}})", NODE_LEGEND)),
        graph("Rules", "How many each node holds requests to; all nodes the same.", "none",
              (f"max {NODE} (starling_rules{{}})", NODE_LEGEND)),
        graph("Overrides", "Live ones by kind, as the nodes know them. Minimum and maximum are one line.", "none",
              ("max by (kind) (starling_overrides{})", "{{kind}}"), ("min by (kind) (starling_overrides{})", "{{kind}}, least")),
        graph("Overrides refused", "No room, a clock far ahead, nonsense, or of a kind that only newer versions know.", "short",
              ("sum by (reason) (increase(starling_overrides_refused_total{}[rate]))", "{{reason}}")),
    ]),
    ("Process", [
        graph("CPU", "Cores. A node's work is one thread's.", "none",
              (f"sum {NODE} (rate(process_cpu_seconds_total{{}}[rate]))", NODE_LEGEND)),
        graph("Memory", "Resident, and the address space that is reserved.", "bytes",
              (f"max {NODE} (process_resident_memory_bytes{{}})", "resident " + NODE_LEGEND),
              (f"max {NODE} (process_virtual_memory_bytes{{}})", "virtual " + NODE_LEGEND)),
        graph("File descriptors", "Share of those that the process may open.", "percentunit",
              (f"max {NODE} (process_open_fds{{}} / process_max_fds{{}})", NODE_LEGEND), max=1),
        graph("Uptime", "A line that falls is a restart.", "s",
              (f"time() - max {NODE} (process_start_time_seconds{{}})", NODE_LEGEND)),
        graph("Log lines", "By level.", "ops",
              ("sum by (level) (rate(starling_log_lines_total{}[rate]))", "{{level}}"), stack=True),
        graph("Log lines dropped", "Nobody read them in time; the node does not wait.", "ops",
              (f"sum {NODE} (rate(starling_log_lines_dropped_total{{}}[rate]))", NODE_LEGEND)),
        graph("Which node is which", "The node's name and cluster behind each scrape target.", "none",
              ("max by (node, cluster, pod, instance) (starling_node_info{})", "{{node}} of {{cluster}}: " + NODE_LEGEND), width=24),
    ]),
]
