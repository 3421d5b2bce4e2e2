"""`scripts/bench swarm`: 50 real nodes on this machine, by scripts/cluster: all alive, converged, and within the limits?"""

import json
import os
import pathlib
import subprocess

from bench.figures import amount, figure, table
from bench.processes import BenchError, before_exec

cluster = pathlib.Path(__file__).resolve().parents[2] / "cluster"
limit, window_s, load = 1000, 5, 2
programs = (("dnsmasq", "dnsmasq-base"), ("ip", "iproute2"), ("nft", "nftables"))


def check():
    if os.geteuid() != 0:
        raise BenchError("expected root, which network namespaces need; run it as root, or by sudo")


def measure(options, folder, progress):
    nodes, windows = (4, 1) if options.quick else (50, 6)
    progress(f"swarm: {nodes} nodes, {windows} windows of {window_s} s")
    command = [cluster, nodes, "--phase", "steady", "--gateway", "none", "--limit", f"{limit}/{window_s}s", "--load", f"{load}x", "--windows",
               windows, "--build-dir", options.build_dir.resolve(), "-o", "json", "--quiet"]
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                            preexec_fn=before_exec)
    try:
        return json.loads(result.stdout)
    except ValueError:
        raise BenchError(f"expected scripts/cluster to account for its cluster, found exit code {result.returncode}: "
                         f"{result.stderr.strip()[-300:]}") from None


def summarize(raw):
    phase, = raw["phases"]
    nodes = raw["nodes"]
    full = [window for window in phase["windows"] if window["full"]]
    over = [max(0, window["admitted"] - window["limit"]) for window in full]
    figures = [
        figure(f"{nodes} real nodes: nodes that see all others alive, at the end", "nodes", [phase["alive"]], at_least=nodes),
        figure("their views equal after the load", "s", [phase["views_equal_after_s"]], at_most=20 if phase["views_equal"] else -1),
        figure("hits above the limit of a window, worst", "hits", [max(over, default=0)], at_most=phase["over_admission_bound"]),
        figure("hits lost", "hits", [phase["lost"]], at_most=0),
        figure("broken promises (scripts/cluster)", "", [len(phase["broken"])], at_most=0)]
    broken = "".join(f"\n- {reason}" for reason in phase["broken"])
    return {"figures": figures, "text": table(figures) + f"""
`scripts/cluster {nodes} --phase steady --gateway none`: each node in a network namespace of its own, found by DNS, all on this machine; {load} times the
limit of {limit:,} per {window_s} s is offered to all together, {len(full)} full windows. What may pass above the limit is {phase['over_admission_bound']} hits: what arrives
within the peer delay that the nodes agreed on ({amount(phase['delay_ms'])} ms) and one hit a node. A node takes {amount(100 * phase['cpu_share'])} % of a core and
{amount(phase['memory_mib'])} MiB; together they send {phase['packets'] / phase['seconds']:,.0f} packets/s, {phase['packet_bytes'] / phase['seconds'] / 1024:,.0f} KiB/s of gossip.
{broken}
"""}
