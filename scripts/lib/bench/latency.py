"""`scripts/bench latency`: from a decision on one node to the count on another, real UDP on the loopback device.

tests/bench/count_delay asks node A for a caller whose first hit is urgent and looks at node B until it is there. Idle, and while
tests/load asks both nodes for callers near their limits.
"""

import json
import subprocess

from bench.figures import figure, quantile, table
from bench.nodes import Nodes
from bench.processes import BenchError, before_exec

limit = 4             # of each new caller: with two nodes what is left of it makes each hit urgent
peek_pause_us = 50
run_s_max = 300.0     # of count_delay: a thousand samples take ten seconds, and it gives up by itself on a node that hangs
load_callers, load_limit = 1000, 100
rules = f"""domain: bench
rules:
  - name: delay
    match: {{principal: "delay-*"}}
    limits: [{{requests: {limit}, per: 1h}}]
  - name: load
    match: {{principal: "load-*"}}
    limits: [{{requests: {load_limit}, per: 1s}}]
"""
request = "GET /v1/check?principal=load-0000 HTTP/1.1\r\nHost: load\r\n\r\n"


def measure(options, folder, progress):
    samples, rounds, rate = (50, 1, 500) if options.quick else (1000, 5, 5000)
    config, ask = folder / "rules.yaml", folder / "load.request"
    config.write_text(rules, encoding="ascii")
    ask.write_bytes(request.encode())
    raw = {"rate": rate, "idle": [], "loaded": []}
    with Nodes(options.build_dir / "src/app/starling", folder, 2, config) as nodes:
        a, b = nodes.all
        probe = [options.build_dir / "tests/bench/count_delay", a.address, b.address, peek_pause_us, samples, limit]
        _run(probe[:4] + [20, limit])  # warm, not counted
        for number in range(rounds):
            progress(f"latency: round {number + 1} of {rounds}, idle")
            raw["idle"].append(_run(probe))
            progress(f"latency: round {number + 1} of {rounds}, loaded")
            load = [options.build_dir / "tests/load/starling-load", "--protocol", "http", "--request", ask, "--callers", load_callers,
                    "--zipf", "1.0", "--connections", 10, "--rate", rate, "--seconds", 600]
            for node in (a, b):
                load += ["--target", f"{node.address}:8080"]
            with subprocess.Popen([str(word) for word in load], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  preexec_fn=before_exec) as process:
                try:
                    raw["loaded"].append(_run(probe))
                    if process.poll() is not None:
                        raise BenchError(f"expected load until it is stopped, it ended: {process.stderr.read().decode().strip()[-300:]}")
                finally:
                    process.kill()
    return raw


def _run(command):
    try:
        result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                preexec_fn=before_exec, timeout=run_s_max)
    except subprocess.TimeoutExpired:
        raise BenchError(f"expected count_delay to end within {run_s_max:g} s, it did not; does a node hang?") from None
    if result.returncode != 0:
        raise BenchError(f"expected count_delay to exit 0, found {result.returncode}: {result.stderr.strip()[-300:]}")
    return json.loads(result.stdout)


def summarize(raw):
    for name in ("idle", "loaded"):
        for each in raw[name]:
            if not each["samples"]:
                raise BenchError(f"expected counts to come to B within 2 s, nodes {name}, found all {each['lost']} samples of a round lost")

    def of(rounds, key, share):
        return [quantile([sample[key] for sample in each["samples"]], share) / 1000 for each in rounds]

    figures = []
    for name, what in (("idle", "nodes idle"), ("loaded", f"nodes at {raw['rate']:,} requests/s")):
        rounds = raw[name]
        goals = (1.5, 3.0) if name == "idle" else (None, None)
        figures += [figure(f"decision on A to count on B, {what}, p50", "ms", of(rounds, "most_us", 0.5), at_most=goals[0],
                           other="A's own answer", other_values=of(rounds, "answer_us", 0.5)),
                    figure(f"decision on A to count on B, {what}, p99", "ms", of(rounds, "most_us", 0.99), at_most=goals[1],
                           other="A's own answer", other_values=of(rounds, "answer_us", 0.99))]
    everything = [sample for name in ("idle", "loaded") for each in raw[name] for sample in each["samples"]]
    lost = sum(each["lost"] for name in ("idle", "loaded") for each in raw[name])
    return {"figures": figures, "text": table(figures) + f"""
Two nodes, and a client that asks A for a caller nobody knows and then looks at B, {peek_pause_us} us after each answer, until the hit is there:
{len(everything):,} samples, {lost} of them not there within 2 s. The time is from before A is asked to after B's answer, so it has A's HTTP, B's
HTTP and the wait between two looks in it: {quantile([each['peek_us'] for each in everything], 0.5):.0f} us in the median \
({quantile([each['peek_us'] for each in everything], 0.99):,.0f} us at the 99th percentile) lie between the beginning of the last look that
saw nothing and the end of the one that saw it. From A's answer to the last look that saw nothing, which is surely too short: \
{quantile([each['least_us'] for each in everything], 0.5) / 1000:.2f} ms in the median, \
{quantile([each['least_us'] for each in everything], 0.99) / 1000:.2f} ms at the 99th percentile.
"""}
