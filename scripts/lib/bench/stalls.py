"""`scripts/bench stalls`: how long a node keeps its clients waiting at worst, when everything happens at once.

Two nodes with a million counters each answer requests of callers near their limits. In a quiet round that is all. In a busy one the
rules file becomes one of 10,000 rules, and a third node comes and is paged everything, at the same moment. Clients tell what they
waited (open loop, from when a request was due); the nodes' meters tell how long the turns of their loops took.
"""

import json
import subprocess
import time

from bench import crowd
from bench.figures import amount, figure, table
from bench.nodes import Node, Nodes
from bench.processes import BenchError, before_exec

crowd_count, rules_count = 1_000_000, 10_000
load_callers, connections = 200, 20
lead_s = 1.0            # of load before anything happens
room = 2                # counters that find room, of those of the crowd
request = "GET /v1/check?principal=load-0000 HTTP/1.1\r\nHost: load\r\n\r\n"
few_rules = """domain: bench
rules:
  - name: crowd
    match: {principal: "crowd-*"}
    limits: [{requests: 1000, per: 365d}]
  - name: load
    match: {principal: "load-*"}
    limits: [{requests: 100, per: 1s}]
"""
settle_s_max = 120.0


def many_rules(count):
    """So many in all."""
    more = (f"  - name: rule-{number}\n    match: {{path: /path/{number}, principal: \"*\"}}\n    limits: [{{requests: {number + 1}, per: 1m}}]\n"
            for number in range(count - few_rules.count("- name:")))
    return few_rules + "".join(more)


def measure(options, folder, progress):
    callers, many, rounds, seconds, rate = (5_000, 300, 1, 2.5, 500) if options.quick else (crowd_count, rules_count, 3, 12.0, 4000)
    config = folder / "rules.yaml"
    config.write_text(few_rules, encoding="ascii")
    ask = folder / "load.request"
    ask.write_bytes(request.encode())
    raw = {"crowd": callers, "rules": many, "seconds": seconds, "rate": rate, "rounds": []}
    with Nodes(options.build_dir / "src/app/starling", folder, 2, config, max_counters=max(10_000, room * callers)) as nodes:
        a, b = nodes.all
        progress(f"stalls: {callers:,} callers")
        crowd.ask(a.address, 8080, callers)
        b.wait("all counts of the other", lambda each: each.metrics()["starling_counters"] >= callers, settle_s_max)
        load = [options.build_dir / "tests/load/starling-load", "--protocol", "http", "--request", ask, "--callers", load_callers,
                "--connections", connections, "--rate", rate, "--seconds", seconds]
        for node in (a, b):
            load += ["--target", f"{node.address}:8080"]
        _round(load, (a, b), lambda: {})  # warm, not counted
        for number in range(rounds):
            progress(f"stalls: round {number + 1} of {rounds}, quiet")
            quiet = _round(load, (a, b), lambda: {})
            progress(f"stalls: round {number + 1} of {rounds}, everything at once")
            busy = _round(load, (a, b), lambda: _everything(nodes, config, many, callers))
            check_covered(busy["joined_s"], seconds)
            raw["rounds"].append({"quiet": quiet, "busy": busy})
            for node in (a, b):   # asked now: to be asked for metrics while it has many rules keeps a node busy, too
                found = node.metrics()["starling_rules"]
                if found < many:
                    raise BenchError(f"expected {many:,} rules at {node.address} within {seconds - lead_s:g} s, found {found:.0f}")
            nodes.part()
            _replace_rules(config, few_rules)
            for node in (a, b):
                node.wait("few rules again", lambda each: each.metrics()["starling_rules"] < 10, settle_s_max)
                # Until the killed one is known to be dead, much is urgent and it is told what it never acks.
                node.wait("the joiner's death", lambda each: each.alive_count() == 2, settle_s_max)
    return raw


def check_covered(joined_s, seconds):
    """What happens when nobody asks keeps nobody waiting."""
    if lead_s + joined_s > seconds:
        raise BenchError(f"expected the joiner to be ready while there is load, within {seconds - lead_s:g} s, found {joined_s:.1f} s")


def _replace_rules(config, text):
    new = config.with_suffix(".new")   # the node reads files *.yaml of a directory, and here only the one
    new.write_text(text, encoding="ascii")
    new.replace(config)


def _everything(nodes, config, many, callers):
    """What came of it, when it is over."""
    text = many_rules(many)
    began = time.monotonic()
    _replace_rules(config, text)
    joiner = nodes.join(join_timeout="60s")   # ready is when it has everything
    joiner.wait("readiness", Node.ready, settle_s_max)
    joined_s = time.monotonic() - began
    held = joiner.metrics()["starling_counters"]
    if held < callers:
        raise BenchError(f"expected the joiner to hold {callers:,} counters when it is ready, found {held:,.0f}")
    return {"joined_s": joined_s, "held": held}


def _round(load, nodes, event):
    before = [_turns(node) for node in nodes]
    with subprocess.Popen([str(word) for word in load], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=before_exec) as process:
        time.sleep(lead_s)
        came_of_it = event()
        said, complaint = process.communicate()
    if process.returncode != 0:
        raise BenchError(f"expected starling-load to exit 0, found {process.returncode}: {complaint.decode().strip()[-300:]}")
    found = json.loads(said)
    after = [_turns(node) for node in nodes]
    turns = {bound: sum(now[bound] - then[bound] for then, now in zip(before, after)) for bound in before[0]}
    return came_of_it | {"turns": turns, "requests": found["requests"], "lost": found["lost"] + found["unsent"] + found["failed"],
                         "latency_us": found["latency_us"], "lag_us": found["lag_us"]}


def _turns(node):
    """How many turns took at most so long, by bounds in seconds as text."""
    name = 'starling_loop_busy_seconds_bucket{le="'
    return {key[len(name):-2]: value for key, value in node.metrics().items() if key.startswith(name)}


def at_most_s(turns, share):
    """The bound that this share of the turns does not exceed; infinity beyond the last one."""
    ordered = sorted((float(bound), count) for bound, count in turns.items())
    whole = ordered[-1][1]
    return next(bound for bound, count in ordered if count >= share * whole)


def summarize(raw):
    def latencies(which, key):
        return [each[which]["latency_us"][key] / 1000 for each in raw["rounds"]]

    def lags(which, key):
        return [each[which]["lag_us"][key] / 1000 for each in raw["rounds"]]

    def turns(which, share):
        return [1000 * at_most_s(each[which]["turns"], share) for each in raw["rounds"]]
    figures = [
        figure("p99.9 of a turn of the loop, at most", "ms", turns("busy", 0.999), other="quiet", other_values=turns("quiet", 0.999)),
        figure("longest turn of the loop, at most", "ms", turns("busy", 1.0), other="quiet", other_values=turns("quiet", 1.0)),
        figure("p99.9 of what clients waited", "ms", latencies("busy", "p999"), other="quiet", other_values=latencies("quiet", "p999")),
        figure("longest that a client waited", "ms", latencies("busy", "max"), other="quiet", other_values=latencies("quiet", "max")),
        figure("p99.9 of how late the generator itself was", "ms", lags("busy", "p999"), other="quiet", other_values=lags("quiet", "p999"))]
    joined = [each["busy"]["joined_s"] for each in raw["rounds"]]
    lost = sum(each[which]["lost"] for each in raw["rounds"] for which in ("quiet", "busy"))
    return {"figures": figures, "text": table(figures) + f"""
Two nodes that hold {raw['crowd']:,} counters answer {raw['rate']:,} requests/s (open loop) of {load_callers} callers at their limits, {raw['seconds']:g} s a round. Busy: after {lead_s:g} s the
rules become {raw['rules']:,} and a third node joins that is paged all {raw['crowd']:,} counters, which took {amount(min(joined))} to {amount(max(joined))} s until it was ready; the
third node, both others and the generator share the machine, so clients wait for the processor as well. Turns are counted by bounds (10, 25, 50, 100 us ...):
told is the bound. Requests without an answer: {lost}.
"""}
