"""From the rounds of `scripts/bench frontends` to medians, ratios, goals and a table.

Each goal is about a ratio, taken round by round and then its median, so that whatever slows a round down slows both
of its sides. Where a client is too slow to keep a server busy its rate flatters the slower server; the CPU time that
the server spends on a request knows nothing of the client. Both ratios are shown, and the worse one is judged.
"""

from statistics import median

busy_share_min = 0.95

# (row, name of its results, what it is compared with, goal in %, or None: only to be seen beside it)
comparisons = (
    ("HTTP check, allowed", "http", "bare-http", 90),
    ("HTTP check, denied", "http-denied", "bare-http-denied", 90),
    ("gRPC ShouldRateLimit, allowed", "grpc", "bare-grpc", 85),
    ("gRPC ShouldRateLimit, denied", "grpc-denied", "bare-grpc-denied", 85),
    ("HTTP check, allowed, by h2load", "http-h2load", "bare-http-h2load", 90),
    ("gRPC ShouldRateLimit, allowed, by h2load", "grpc-h2load", "bare-grpc-h2load", 85),
    ("gRPC ShouldRateLimit against a constant by grpc++", "grpc", "grpcpp", 200),
    ("HTTP check against nginx's own limit_req", "http", "nginx", None),
    ("HTTP check against Redis", "http", "redis-benchmark", 130),
    ("gRPC ShouldRateLimit against Redis", "grpc", "redis-benchmark", 100),
    ("HTTP check against Redis, the same client", "http", "redis", 130),
    ("gRPC ShouldRateLimit against Redis, the same client", "grpc", "redis", 100),
)
latencies = (
    ("HTTP check", "http@half"), ("bare llhttp and libuv, same rate", "bare-http@half"),
    ("gRPC ShouldRateLimit", "grpc@half"), ("bare nghttp2 and libuv, same rate", "bare-grpc@half"),
    ("Redis, INCR and EXPIRE in Lua", "redis@half"),
)


def spread(values):
    return {"median": median(values), "least": min(values), "most": max(values)}


def compare(ours, theirs):
    by_rate = [100 * mine["rate"] / other["rate"] for mine, other in zip(ours, theirs)]
    by_cpu = [100 * other["cpu_us"] / mine["cpu_us"] for mine, other in zip(ours, theirs)]
    return {"rate": spread([mine["rate"] for mine in ours]), "other_rate": spread([other["rate"] for other in theirs]),
            "cpu_us": median(mine["cpu_us"] for mine in ours), "other_cpu_us": median(other["cpu_us"] for other in theirs),
            "busy": median(mine["busy"] for mine in ours), "other_busy": median(other["busy"] for other in theirs),
            "rate_pct": spread(by_rate), "cpu_pct": spread(by_cpu)}


def summarize(rounds):
    rows = []
    for name, mine, other, goal in comparisons:
        if mine not in rounds or other not in rounds:
            continue
        row = {"name": name, "goal_pct": goal} | compare(rounds[mine], rounds[other])
        row["judged_pct"] = min(row["rate_pct"]["median"], row["cpu_pct"]["median"])
        row["reached"] = goal is None or row["judged_pct"] >= goal
        rows.append(row)
    times = []
    for name, key in latencies:
        if key in rounds:
            keys = ("p50_us", "p99_us", "p999_us", "max_us", "offered", "unanswered")
            times.append({"name": name} | {field: median(result[field] for result in rounds[key]) for field in keys})
    return {"comparisons": rows, "latency": times}


def thousands(value):
    return f"{round(value, -2):,.0f}"


def percent(values):
    return f"{values['median']:.0f} % ({values['least']:.0f}-{values['most']:.0f})"


def markdown(report):
    lines = [f"`scripts/bench frontends`: {report['machine']}; server and client on a core each, {report['connections']} connections "
             f"with one request under way on each, {report['callers']:,} callers (h2load: one), medians of {report['rounds']} round(s) of "
             f"{report['seconds']:g} s, in brackets the least and the most. The bare servers do nothing but parse (llhttp, nghttp2) and "
             "send the node's answer as a constant. A ratio of CPU time is what the other side spends on a request, of what the node "
             "spends; of the two ratios the worse one is judged."
             + (f" **Others used {100 - report['idle_pct']:.0f} % of the machine when it began.**" if report["noisy"] else ""),
             "",
             "| | requests/s | of the other's | ratio | CPU µs a request | of the other's | ratio | goal |",
             "|---|---|---|---|---|---|---|---|"]
    for row in report["comparisons"]:
        starred = ["" if busy >= busy_share_min else " *" for busy in (row["busy"], row["other_busy"])]
        verdict = "" if row["reached"] else ": missed"
        lines.append(f"| {row['name']} | {thousands(row['rate']['median'])}{starred[0]} | {thousands(row['other_rate']['median'])}{starred[1]} "
                     f"| {percent(row['rate_pct'])} | {row['cpu_us']:.2f} | {row['other_cpu_us']:.2f} | {percent(row['cpu_pct'])} "
                     f"| {'none' if row['goal_pct'] is None else str(row['goal_pct']) + ' %'}{verdict} |")
    if any(min(row["busy"], row["other_busy"]) < busy_share_min for row in report["comparisons"]):
        lines += ["", f"\\* The server was on its core for less than {busy_share_min:.0%} of the time: its client could not ask faster."]
    lines += ["",
              "Latency at half of the highest rate (as found while warming up), requests sent at random times (exponential gaps) whether or not others were "
              "answered, and measured from when they were due:",
              "",
              "| | requests/s | p50 µs | p99 µs | p99.9 µs |",
              "|---|---|---|---|---|"]
    for row in report["latency"]:
        figures = " | ".join(f"{row[key]:,.0f}" for key in ("p50_us", "p99_us", "p999_us"))
        lines.append(f"| {row['name']} | {thousands(row['offered'])} | {figures} |")
    lines += ["", "redis-benchmark is another generator than ours; \"the same client\" is ours, speaking RESP. Redis runs "
              "`INCR` and `EXPIRE` in Lua by `EVALSHA`, without persistence, and answers with a number only. nginx limits by `limit_req` for "
              "itself alone and answers with a constant: the least that asking nobody costs a gateway."]
    return "\n".join(lines) + "\n"


def missed(report):
    for row in report["comparisons"]:
        if not row["reached"]:
            yield f"goal missed: {row['name']}: expected at least {row['goal_pct']} %, found {row['judged_pct']:.1f} %"
    for row in report["latency"]:
        if row["unanswered"]:
            yield f"{row['name']}: {row['unanswered']:.0f} requests were not answered within 2 s after the end"
