"""Every metric of /metrics and its labels. Dashboard and alerts may use these and no others; test_monitoring compares them
with what real nodes serve."""

GOSSIP_KINDS = {"delta", "pull", "heartbeat", "inquiry", "witness", "overrides", "overrides_query", "names_query", "names"}

# name -> {label: its values, or None if they are not a fixed set}; histograms by their name without _bucket, _sum, _count
METRICS = {
    "starling_decisions_total": {"domain": None, "rule": None, "result": {"allowed", "denied", "learning_denied"}},
    "starling_verdicts_total": {"result": {"allowed", "denied", "failed"}},
    "starling_decision_duration_seconds": {},
    "starling_uncounted_limits_total": {},
    "starling_truncated_decisions_total": {},
    "starling_requests_total": {"protocol": {"http", "json", "grpc"}, "code": None},
    "starling_connections": {"front_end": {"http", "grpc", "admin"}},
    "starling_connections_accepted_total": {"front_end": {"http", "grpc", "admin"}},
    "starling_connections_refused_total": {"front_end": {"http", "grpc", "admin"}},
    "starling_front_end_errors_total": {"front_end": {"http", "grpc", "admin"}, "reason": None},
    "starling_peers": {"state": {"candidate", "alive", "suspect", "dead", "left"}},
    "starling_peer_lag_seconds": {"peer": None, "address": None},
    "starling_peer_rtt_seconds": {"peer": None, "address": None},
    "starling_peer_clock_skew_seconds": {"peer": None, "address": None},
    "starling_peer_lag_seconds_max": {},
    "starling_peer_rtt_seconds_max": {},
    "starling_peer_clock_skew_seconds_max": {},
    "starling_peer_delay_seconds": {},
    "starling_gossip_packets_total": {"direction": {"sent", "received"}, "kind": GOSSIP_KINDS},
    "starling_gossip_bytes_total": {"direction": {"sent", "received"}, "kind": GOSSIP_KINDS},
    "starling_gossip_egress_bytes_total": {"purpose": None},
    "starling_gossip_entries_total": {"direction": {"sent", "received"}},
    "starling_gossip_dropped_total": {"reason": {
        "too_short", "too_long", "bad_magic", "wrong_protocol", "wrong_cluster", "unknown_kind", "wrong_port", "malformed",
        "bad_field", "from_self", "unknown_sender", "table_full", "window_out_of_range", "not_sealed", "sealed", "unknown_key",
        "bad_seal", "replayed", "too_many_senders"}},
    "starling_keys": {},
    "starling_plain_packets_accepted": {},
    "starling_sealed_packets_opened_total": {},
    "starling_key_reloads_total": {"result": {"ok", "refused"}},
    "starling_key_last_reload_successful": {},
    "starling_gossip_retransmissions_total": {},
    "starling_gossip_flushes_total": {"cause": {"urgent", "lazy"}},
    "starling_udp_errors_total": {"socket": {"sync", "heartbeat"}, "reason": {
        "send_queued", "send_dropped", "send_failed", "receive_failed", "truncated"}},
    "starling_counters": {},
    "starling_counters_max": {},
    "starling_counters_expired_total": {},
    "starling_counters_refused_total": {},
    "starling_ready": {},
    "starling_isolated": {},
    "starling_nodes": {},
    "starling_nodes_known": {},
    "starling_dns_resolutions_total": {"result": {"ok", "error"}},
    "starling_config_reloads_total": {"result": {"ok", "refused"}},
    "starling_config_last_reload_successful": {},
    "starling_config_last_reload_success_timestamp_seconds": {},
    "starling_rules": {},
    "starling_window_seconds_min": {},
    "starling_overrides": {"kind": {"limits", "learning", "enforcing", "ignoring"}},
    "starling_overrides_refused_total": {"reason": {"full", "clock", "flawed", "unknown"}},
    "starling_loop_busy_seconds": {},
    "starling_log_lines_total": {"level": None},
    "starling_log_lines_dropped_total": {},
    "starling_build_info": {"version": None, "protocol": None},
    "starling_node_info": {"node": None, "cluster": None},
    "process_cpu_seconds_total": {},
    "process_resident_memory_bytes": {},
    "process_virtual_memory_bytes": {},
    "process_open_fds": {},
    "process_max_fds": {},
    "process_start_time_seconds": {},
}
HISTOGRAMS = {"starling_decision_duration_seconds", "starling_loop_busy_seconds"}

# Prometheus' own: labels that scraping adds, and what it says of targets and alerts.
TARGET_LABELS = {"job", "namespace", "pod", "instance"}
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}


def labels_of(name):
    """The labels that a series of this name may have, as a set; nothing if there is no such metric."""
    if name in OF_PROMETHEUS:
        return OF_PROMETHEUS[name] | TARGET_LABELS
    for histogram in HISTOGRAMS:
        if name in (histogram + "_bucket", histogram + "_sum", histogram + "_count"):
            return TARGET_LABELS | ({"le"} if name.endswith("_bucket") else set())
    if name in METRICS and name not in HISTOGRAMS:
        return set(METRICS[name]) | TARGET_LABELS
    return None


def values_of(name, label):
    """The values that this label can have; None if they are not a fixed set."""
    return METRICS.get(name, {}).get(label)
