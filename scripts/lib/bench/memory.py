"""`scripts/bench memory`: bytes for each live counter, of three real nodes that all count for each caller, against Redis.

What a node has more of when its table is full than before the first request is shared out among its counters: the table, the
publish log, three nodes' counts of each, all that grew with them. Redis runs the usual limiter (INCR, and EXPIRE by the first
one, in Lua) for callers of the same names, and says itself what it uses.
"""

import json
import pathlib
import threading

from bench import crowd
from bench.figures import amount, figure, table
from bench.frontends import redis_limiter
from bench.nodes import Nodes, network
from bench.processes import BenchError, Server, redis_command, resp

origins = 3
counters = 1_000_000
programs = (("redis-server", "redis-server"),)
rules = """domain: bench
rules:
  - name: crowd
    match: {principal: "crowd-*"}
    limits: [{requests: 1000, per: 365d}]
"""
agree_s_max = 180.0
sampled = 50         # callers of whom every node must hold three nodes' counts
redis_port = 6379


def measure(options, folder, progress):
    count = 20_000 if options.quick else counters
    config = folder / "rules.yaml"
    config.write_text(rules, encoding="ascii")
    with Nodes(options.build_dir / "src/app/starling", folder, origins, config, max_counters=count) as nodes:
        raw = {"counters": count, "nodes": _nodes(nodes.all, count, progress)}
    progress("memory: Redis")
    raw["redis"] = _redis(folder, count, progress)
    return raw


def _nodes(nodes, count, progress):
    empty = [node.resident_bytes() for node in nodes]
    steps = []
    for part in range(1, 5):   # filled by quarters, so that growth is seen
        first, last = count * (part - 1) // 4, count * part // 4
        progress(f"memory: {origins} nodes count for callers {first:,} to {last:,}")
        _ask_all(nodes, first, last - first)
        for node in nodes:
            node.wait("all counts of the others", lambda each, last=last: _holds_all(each, last), agree_s_max)
        steps.append({"counters": last, "bytes": [node.resident_bytes() - before for node, before in zip(nodes, empty)]})
    return {"empty_bytes": empty, "steps": steps}


def _ask_all(nodes, first, count):
    problems = []

    def ask(node):
        try:
            crowd.ask(node.address, 8080, count, first)
        except OSError as problem:
            problems.append(f"{node.address}: {problem}")
    threads = [threading.Thread(target=ask, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise BenchError(f"expected nodes to answer, found: {problems[0]}")


def _holds_all(node, count):
    found = node.metrics()
    if found["starling_counters_refused_total"]:
        raise BenchError(f"expected room for {count:,} counters at {node.address}, found {found['starling_counters_refused_total']:.0f} refused")
    if found["starling_counters"] != count or any(peer["missing_versions"] or peer["unacked_versions"] for peer in node.peers()):
        return False
    asked = (*range(0, count, max(1, count // sampled)), count - 1)
    return all(_origins(node, crowd.caller(number)) == [origins] for number in asked)


def _origins(node, caller):
    """How many nodes counted in each of the caller's counters."""
    return [len(each["components"]) for each in json.loads(node.get(f"/v1/counters?principal={caller}")[1])["counters"]]


def _redis(folder, count, progress):
    listens = (f"{network(1)}.1", redis_port)
    server = Server(["redis-server", "--bind", listens[0], "--port", listens[1], "--save", "", "--appendonly", "no", "--dir", folder],
                    None, listens, folder / "redis.log")
    try:
        digest = redis_command(listens, "SCRIPT", "LOAD", redis_limiter).split(b"\r\n")[1].decode()
        before = _used(listens)
        steps = []
        for part in range(1, 5):
            first = count * (part - 1) // 4
            crowd.ask_redis(*listens, lambda number, first=first: resp("EVALSHA", digest, "1", crowd.caller(first + number), "31536000"),
                            count * part // 4 - first)
            progress(f"memory: Redis counts for {count * part // 4:,} callers")
            now = _used(listens)
            steps.append({"counters": count * part // 4, "bytes": now[0] - before[0], "rss_bytes": now[1] - before[1]})
        keys = int(redis_command(listens, "DBSIZE").strip(b":\r\n"))
        if keys != count:
            raise BenchError(f"expected {count:,} keys in Redis, found {keys:,}")
    finally:
        server.stop()
    return {"version": _version(folder), "steps": steps}


def _used(listens):
    """What it has allocated, and what the system gave it."""
    said = dict(line.split(":", 1) for line in redis_command(listens, "INFO", "memory").decode().splitlines() if ":" in line)
    return int(said["used_memory"]), int(said["used_memory_rss"])


def _version(folder):
    words = pathlib.Path(folder / "redis.log").read_text(encoding="utf-8", errors="replace").split("Redis version=")
    return words[1].split(",")[0] if len(words) > 1 else ""


def summarize(raw):
    last, redis_last = raw["nodes"]["steps"][-1], raw["redis"]["steps"][-1]
    count = last["counters"]
    figures = [
        figure(f"memory per live counter, {origins} origins, {count:,} counters", "B", [each / count for each in last["bytes"]], at_most=96,
               other="Redis, a key of the Lua limiter (used_memory)", other_values=[redis_last["bytes"] / count]),
        figure("the same against what Redis was given by the system", "B", [each / count for each in last["bytes"]],
               other="Redis (used_memory_rss)", other_values=[redis_last["rss_bytes"] / count])]
    lines = ["| live counters | MiB of a node | bytes for each | MiB of Redis | bytes for each |", "|---|---|---|---|---|"]
    for step, redis_step in zip(raw["nodes"]["steps"], raw["redis"]["steps"]):
        mine = sorted(step["bytes"])[len(step["bytes"]) // 2]
        lines.append(f"| {step['counters']:,} | {mine / 2**20:.1f} | {amount(mine / step['counters'])} | {redis_step['bytes'] / 2**20:.1f} "
                     f"| {amount(redis_step['bytes'] / step['counters'])} |")
    return {"figures": figures, "text": table(figures) + f"""
{origins} nodes with `--max-counters {count}` on this machine; each is asked for each caller once, by HTTP, so that every node holds every caller's
counter with {origins} nodes' counts (asked of {sampled} callers), all acknowledged. Counted is the resident memory of the process beyond the
{sorted(raw['nodes']['empty_bytes'])[1] / 2**20:.1f} MiB that it had when it was ready and empty. Redis {raw['redis']['version']}, without persistence, holds one number for each of the same
names (12 bytes) and an expiry; it keeps no other node's counts.

""" + "\n".join(lines) + "\n"}
