"""`scripts/bench idle`: the CPU time of nodes that nobody asks, with many live peers, against one that is alone."""

import time

from bench.figures import amount, figure, quantile, table
from bench.nodes import Node, Nodes, network

counters_max = 1000   # of each node: a hundred tables need not be large


def measure(options, folder, progress):
    peers, rounds, seconds, settle_s = (5, 1, 1.0, 0.5) if options.quick else (100, 5, 10.0, 5.0)
    binary = options.build_dir / "src/app/starling"
    raw = {"peers": peers, "seconds": seconds, "rounds": []}
    alone = Node(binary, f"{network(1)}.1", folder, max_counters=counters_max)
    try:
        alone.wait("readiness", Node.ready, 20)
        progress(f"idle: {peers + 1} nodes find each other")
        with Nodes(binary, folder, peers + 1, max_counters=counters_max) as nodes:
            time.sleep(settle_s)
            for number in range(rounds):
                progress(f"idle: round {number + 1} of {rounds}")
                raw["rounds"].append(_round(alone, nodes.all, seconds))
    finally:
        alone.kill()
    return raw


def _round(alone, nodes, seconds):
    """CPU time is of the time in between only: to be asked for its metrics costs a node, too. To ask all nodes takes long, so each
    node's packets are divided by the time between its own two answers."""
    sent_before = [_sent(node) for node in nodes]
    began, used = time.monotonic(), [node.cpu_s() for node in (alone, *nodes)]
    time.sleep(seconds)
    used = [node.cpu_s() - before for node, before in zip((alone, *nodes), used)]
    took = time.monotonic() - began
    sent_after = [_sent(node) for node in nodes]
    return {"alone": used[0] / took, "shares": [each / took for each in used[1:]], "alive": min(node.alive_count() for node in nodes),
            "packets": [(after - before) / (at - since) for (since, before), (at, after) in zip(sent_before, sent_after)],
            "resident_bytes": [node.resident_bytes() for node in nodes]}


def _sent(node):
    """When, and how many packets until then."""
    found = node.metrics()
    return time.monotonic(), sum(value for name, value in found.items() if name.startswith('starling_gossip_packets_total{direction="sent"'))


def summarize(raw):
    rounds = raw["rounds"]
    figures = [figure(f"CPU of an idle node with {raw['peers']} live peers, of a core", "%",
                      [100 * quantile(each["shares"], 0.5) for each in rounds], at_most=1,
                      other="alone", other_values=[100 * each["alone"] for each in rounds]),
               figure("the busiest of them", "%", [100 * max(each["shares"]) for each in rounds])]
    nodes = raw["peers"] + 1
    return {"figures": figures, "text": table(figures) + f"""
{nodes} nodes, all real processes on this machine with addresses of their own on the loopback device, that nobody asks: in each round of
{raw['seconds']:g} s the median over all nodes of their CPU time, user and system, to the nanosecond as the scheduler counts it. What the kernel does
to deliver a datagram on this device is in its sender's time. At the end of each round the node that saw the fewest saw {min(each["alive"] for each in rounds)} alive, itself
included. A node sends {amount(quantile([value for each in rounds for value in each["packets"]], 0.5))} packets/s and has \
{quantile([value for each in rounds for value in each["resident_bytes"]], 0.5) / 2**20:.0f} MiB (`--max-counters {counters_max}`).
"""}
