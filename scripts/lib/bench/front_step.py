"""`scripts/bench frontends`: what a request costs at the front ends, against the least it could cost, and against rivals.

frontends.py measures and report.py judges; here both are as the other steps are, for `scripts/bench all`.
"""

import argparse
import os

from bench import frontends
from bench.processes import BenchError, machine
from bench.report import comparisons, markdown, summarize as compare

programs = (("taskset", "util-linux"), ("redis-server", "redis-server"), ("redis-benchmark", "redis-tools"), ("h2load", "nghttp2-client"))
defaults = {"connections": 50, "callers": 1000, "rounds": 5, "seconds": 2.0, "server_core": 0, "client_core": 1, "only": None}


def check():
    if len(os.sched_getaffinity(0)) < 2:
        raise BenchError("expected two cores for server and client, found one")


def measure(options, folder, progress):
    cores = sorted(os.sched_getaffinity(0))
    settings = defaults | {"server_core": cores[0], "client_core": cores[1]}
    if options.quick:
        settings |= {"rounds": 1, "seconds": 0.2, "connections": 4}
    chosen = argparse.Namespace(build_dir=options.build_dir, **settings)
    return {"settings": settings, "machine": machine(), "rounds": frontends.measure(chosen, folder, progress)}


def summarize(raw):
    report = compare(raw["rounds"]) | raw["settings"] | {"machine": raw["machine"], "noisy": False}
    return {"figures": [_figure(row) for row in report["comparisons"]], "text": markdown(report)}


def _other(name):
    found = next(other for row, _, other, _ in comparisons if row == name)
    words = {"bare-http": "bare llhttp and libuv", "bare-grpc": "bare nghttp2 and libuv", "redis": "Redis, INCR and EXPIRE in Lua",
             "grpcpp": "a constant by grpc++", "nginx": "nginx, limit_req"}
    return next((text for prefix, text in words.items() if found.startswith(prefix)), found)


def _figure(row):
    """The worse of its two ratios, as report.py judges."""
    judged = min((row["rate_pct"], row["cpu_pct"]), key=lambda pct: pct["median"])
    return {"what": row["name"], "unit": "%", **judged, "at_most": None, "at_least": row["goal_pct"], "ratio_at_most": None,
            "ratio_at_least": None, "other": f"= 100 %: {_other(row['name'])}",
            "met": None if row["goal_pct"] is None else row["reached"]}
