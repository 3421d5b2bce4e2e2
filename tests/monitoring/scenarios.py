"""Clusters in which all is well, as Prometheus would see them: series for promtool, written out by time.

Every metric that alerts ask for is there with every label value, at 0 unless the scenario says otherwise, as real nodes serve
them.
"""

import itertools

from contract import HISTOGRAMS, METRICS

scrape_s = 15
open_values = {"domain": {"gateway"}, "rule": {"login"}, "code": {"200", "429"}, "peer": {"other"}, "address": {"10.0.0.9"},
               "purpose": {"urgent"}, "level": {"info", "warning"}, "reason": {"connection_lost", "accept_failed"},
               "version": {"0.1.0"}, "protocol": {"1"}, "node": {"n"}, "cluster": {"starling"}}
at_rest = {"starling_counters_max": 1_000_000, "starling_ready": 1, "starling_config_last_reload_successful": 1,
           "starling_key_last_reload_successful": 1, "starling_plain_packets_accepted": 1, "starling_rules": 3,
           "starling_window_seconds_min": 1,
           "starling_build_info": 1, "starling_node_info": 1, "process_open_fds": 40, "process_max_fds": 1024,
           "process_resident_memory_bytes": 6e7, "process_virtual_memory_bytes": 2e8}


def series_names(asked):
    for name, labels in METRICS.items():
        if not any(each in (name, f"{name}_bucket", f"{name}_sum") for each in asked):
            continue
        sets = [sorted(values or open_values[label]) for label, values in labels.items()]
        for combination in itertools.product(*sets):
            text = "".join(f', {label}="{value}"' for label, value in zip(labels, combination))
            if name in HISTOGRAMS:
                for le in ("0.001", "0.05", "+Inf"):
                    yield f"{name}_bucket", f'{text}, le="{le}"'
                yield f"{name}_sum", text
                yield f"{name}_count", text
            else:
                yield name, text


class Node:
    """One life of a node, from step `begin` to `end`; `values` has what is not 0 or at rest: metric, and a part of the labels if
    only some are meant -> number, or function of the step."""

    def __init__(self, pod, steps, begin=0, end=None, started=-3600, namespace="gw", **values):
        self.pod, self.steps, self.begin, self.namespace = pod, steps, begin, namespace
        self.end = steps if end is None else end
        self.values = {**at_rest, "process_start_time_seconds": started, "starling_nodes": 1, "starling_nodes_known": 1, **values}

    def value_at(self, name, labels, step):
        found = self.values.get(name, 0)
        if isinstance(found, dict):
            found = next((value for part, value in found.items() if part in labels), 0)
        return found(step) if callable(found) else found

    def input_series(self, asked):
        """`up` goes on for a scrape after the end: the target is there until its pod is gone."""
        target = f'job="starling", namespace="{self.namespace}", pod="{self.pod}", instance="{self.pod}:9090"'
        alive = range(self.begin, self.end)
        yield self._one(f"up{{{target}}}", {**{step: 1 for step in alive}, self.end: 0})
        for name, labels in series_names(asked):
            yield self._one(f"{name}{{{target}{labels}}}", {step: self.value_at(name, labels, step) for step in alive})

    def _one(self, series, values):
        last = max(values)
        texts = [f"{values[step]:g}" if step in values else "stale" if step == last + 1 else "_" for step in range(self.steps)]
        return {"series": series, "values": " ".join(texts)}


def idle(steps):
    return [Node(pod, steps, starling_nodes=3, starling_nodes_known=3, starling_peers={'"alive"': 2},
                 starling_dns_resolutions_total={'"ok"': lambda step: 3 * step}) for pod in "abc"]


def alone(steps):
    return [Node("a", steps)]


def busy(steps):
    return [Node(pod, steps, starling_nodes=3, starling_nodes_known=3, starling_peers={'"alive"': 2},
                 starling_decisions_total={'"allowed"': lambda step: 9e4 * step, '"denied"': lambda step: 3e4 * step},
                 starling_verdicts_total={'"allowed"': lambda step: 9e4 * step, '"denied"': lambda step: 3e4 * step},
                 starling_requests_total={'"200"': lambda step: 9e4 * step, '"429"': lambda step: 3e4 * step},
                 starling_counters=4e5, starling_peer_lag_seconds_max=0.4, starling_peer_clock_skew_seconds_max=0.004,
                 starling_loop_busy_seconds_sum=lambda step: 9 * step,
                 starling_loop_busy_seconds_bucket=lambda step: 3e5 * step,
                 starling_gossip_packets_total=lambda step: 3000 * step,
                 starling_gossip_retransmissions_total=lambda step: 30 * step) for pod in "abc"]


def rolling_restart(count, steps, every):
    """One pod after the other is replaced by a new one with a new name and address, `every` steps, from step 8 on. What may be
    seen of it: views that differ from scrape to scrape, peers that are suspect or late for a moment, a new version beside the
    old one, another number of rules, packets to addresses that are gone, look-ups that fail, a node that is not ready yet."""
    first = 8
    last = first + every * count

    def so_far(each_step):
        return lambda step: each_step * max(0, min(step, last) - first)

    nodes = []
    for index in range(count):
        swap = first + every * index
        seen = {
            # From scrape to scrape another number: one too few, all, one too many.
            "starling_nodes": lambda step, index=index: count + ((step + index) % 3 - 1 if first <= step <= last else 0),
            "starling_nodes_known": lambda step: count + (1 if first <= step <= last else 0),
            "starling_peers": {'"alive"': count - 1, '"suspect"': lambda step, index=index: int(first <= step <= last and (step + index) % 7 == 0)},
            "starling_peer_lag_seconds_max": lambda step, index=index: 3 if first <= step <= last and (step + index) % 3 == 0 else 0.3,
            "starling_udp_errors_total": {'"heartbeat", reason="send_failed"': so_far(1)},
            "starling_gossip_dropped_total": {'"unknown_sender"': so_far(30), '"window_out_of_range"': so_far(3)},
            "starling_gossip_retransmissions_total": so_far(15), "starling_gossip_packets_total": lambda step: 300 * step,
            "starling_dns_resolutions_total": {'"ok"': lambda step: 3 * step, '"error"': so_far(0.5)},
            "starling_verdicts_total": {'"allowed"': lambda step: 9e4 * step},
        }
        nodes.append(Node(f"old{index}", steps, end=swap + 1, **{
            **seen, "starling_ready": lambda step, swap=swap: int(step < swap), "starling_rules": 3}))
        nodes.append(Node(f"new{index}", steps, begin=swap, started=swap * scrape_s, **{
            **seen, "starling_ready": lambda step, swap=swap: int(step > swap), "starling_rules": 4,
            "starling_isolated": lambda step, swap=swap: int(step == swap)}))
    return nodes


def promtool_test(rules, name, nodes, steps, states, asked):
    """A test file (JSON is YAML) that looks every minute whether alerts are in one of `states`: firing, or pending and firing.
    Of the metrics it has those that are `asked` for: all of them take three times as long."""
    query = f'count by (alertname) (ALERTS{{alertstate=~"{states}"}})'
    looks = [{"expr": query, "eval_time": f"{second}s", "exp_samples": []}
             for second in range(60, (steps - 1) * scrape_s, 60)]
    return {"rule_files": [str(rules)], "evaluation_interval": f"{2 * scrape_s}s",
            "tests": [{"name": name, "interval": f"{scrape_s}s",
                       "input_series": [series for node in nodes for series in node.input_series(asked)], "promql_expr_test": looks}]}
