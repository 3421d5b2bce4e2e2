"""What scripts/loadtest makes of a generator's counts: full windows, validity, verdicts, tables.

The unit of everything here is the window. Load begins and ends inside of windows, so the first and the last one seen
say nothing about the limit: only full windows are shown and judged. Where several callers ask, `limit` of a window is
that of all callers together who asked for at least what they may have, `allowed_of_limit` what these were allowed.
"""

lag_p99_us_max = 50_000      # of the generator; above it the load was not what the pattern says
unsent_share_max = 0.0
untold_share_max = 0.001

# What -o json promises; tests/integration/test_loadtest.py holds it to that.
pattern_keys = ("pattern", "protocol", "generator", "valid", "problems", "limit", "rate", "seconds", "offered", "allowed", "denied",
                "lost", "failed", "unsent", "redirected", "restarts", "latency_us", "generator_lag_us", "windows_full", "full",
                "over_admission_percent", "false_rejections", "windows", "nodes")
window_keys = ("window", "begins", "full", "offered", "allowed", "denied", "lost", "limit", "allowed_of_limit", "over_admission",
               "over_admission_worst", "false_rejections", "principals", "principals_at_limit", "nodes")


def summarize(plan, protocol, limit, nodes, raw, spent, restarts=0):
    """One run's entry under `patterns`, from what the generator printed and the nodes' meters."""
    windows = [window_of(each, limit, raw) for each in raw["windows"] if each["limit"]]
    full = [window for window in windows if window["full"]]
    judged = [window for window in full if window["limit"]]
    shares = [100 * window["over_admission"] / window["limit"] for window in judged]
    sliding = limit.algorithm != "fixed_window"
    result = {
        "pattern": plan.pattern, "protocol": protocol, "generator": "starling-load",
        "limit": {"rule": limit.rule, "requests": limit.requests, "window_s": limit.window_s, "algorithm": limit.algorithm,
                  "admission": limit.admission},
        "rate": plan.requests / plan.seconds, "seconds": raw["seconds"],
        **{key: raw[key] for key in ("offered", "allowed", "denied", "lost", "failed", "unsent", "redirected")}, "restarts": restarts,
        "latency_us": raw["latency_us"], "generator_lag_us": raw["lag_us"], "windows_full": len(full),
        "full": {key: sum(window[key] for window in full) for key in ("offered", "allowed", "limit", "allowed_of_limit")},
        "over_admission_percent": {"mean": sum(shares) / len(shares), "worst": max(shares)} if shares else None,
        "false_rejections": None if sliding else {key: sum(window["false_rejections"][key] for window in windows)
                                                  for key in ("certain", "possible")},
        "windows": windows,
        "nodes": [node_of(node, raw["targets"][index], spent[index], raw["seconds"], limit) for index, node in enumerate(nodes)],
    }
    result["problems"] = problems_of(plan, raw, result, len(nodes))
    result["valid"] = not result["problems"]
    return result


def window_of(told, limit, raw):
    begins = told["window"] * limit.window_s
    several = told["callers"] > 1
    return {
        "window": told["window"], "begins": begins, "full": raw["began"] <= begins and begins + limit.window_s <= raw["ended"],
        **{key: told[key] for key in ("offered", "allowed", "denied", "lost", "over_admission", "over_admission_worst")},
        "limit": told["limit"] * told["pressed_callers"] if several else told["limit"],
        "allowed_of_limit": told["pressed_allowed"] if several else told["allowed"],
        "false_rejections": {"certain": told["false_certain"], "possible": told["false_possible"]},
        "principals": told["callers"], "principals_at_limit": told["pressed_callers"], "nodes": told["targets"],
    }


def node_of(node, counts, spent, seconds, limit):
    windows = seconds / limit.window_s
    per_window = {f"gossip_{key}_per_window": None if spent[key] is None else spent[key] / windows for key in ("packets", "bytes")}
    return {"url": node.url, "name": node.name, **counts, **per_window,
            "cpu_percent": None if spent["cpu_s"] is None else 100 * spent["cpu_s"] / seconds, "memory_bytes": spent["memory_bytes"]}


def problems_of(plan, raw, result, nodes_count):
    """Why this run is not what its pattern says; none if it is."""
    problems = []
    expected = sum(seconds for seconds, _, _ in plan.phases)
    if raw["seconds"] < expected - 0.01:
        problems.append(f"stopped after {raw['seconds']:.1f} of {expected:.1f} s")
    if raw["unsent"] > unsent_share_max * max(1, raw["offered"]):
        problems.append(f"{raw['unsent']} requests were due and found no free connection; the nodes do not keep up: offer less, or "
                        "allow more --connections")
    if raw["lag_us"]["p99"] > lag_p99_us_max:
        problems.append(f"the generator did not keep up: 1 % of the requests left {raw['lag_us']['p99'] / 1000:.0f} ms late or more; "
                        "offer less, or run it on a machine with more to spare")
    if raw["untold"] > untold_share_max * max(1, raw["offered"]):
        problems.append(f"{raw['untold']} answers do not tell of rule {result['limit']['rule']}; were the rules changed?")
    if not any(window["full"] for window in result["windows"]):
        problems.append("no full window; allow more --windows")
    if plan.restarts and result["restarts"] < nodes_count:
        problems.append(f"only {result['restarts']} of {nodes_count} nodes were restarted in time; allow more --windows")
    return problems


def capacity_result(protocol, tool, node_results, nodes, spent, seconds):
    """An entry under `patterns` of a closed-loop run; what it cannot tell is null."""
    def total(key):
        values = [each[key] for each in node_results]
        return None if None in values else sum(values)
    latency = {key: max((each["latency_us"][key] for each in node_results if each["latency_us"][key] is not None), default=None)
               for key in ("p50", "p90", "p99", "p999", "max")}
    result = dict.fromkeys(pattern_keys) | {
        "pattern": "capacity", "protocol": protocol, "generator": tool, "valid": True, "problems": [], "rate": total("rate"),
        "seconds": seconds, "offered": total("requests"), "allowed": total("allowed"), "denied": total("denied"), "lost": total("lost"),
        "failed": 0, "unsent": 0, "redirected": 0, "restarts": 0, "latency_us": latency, "windows_full": 0, "windows": []}
    result["nodes"] = [{"url": node.url, "name": node.name, "offered": each["requests"], "allowed": each["allowed"],
                        "denied": each["denied"], "lost": each["lost"],
                        "cpu_percent": None if used["cpu_s"] is None else 100 * used["cpu_s"] / seconds,
                        "memory_bytes": used["memory_bytes"]} for node, each, used in zip(nodes, node_results, spent)]
    return result


def judge(results, options):
    """The reasons why the runs are not within the bounds asked for; none if they are, or if none were asked for."""
    if options.over_admission_max is None:
        return []
    reasons = []
    for result in results:
        if result["pattern"] == "capacity":
            continue
        title = f"{result['pattern']} ({result['protocol']})"
        reasons += [f"{title}: not valid: {problem}" for problem in result["problems"]]
        if result["failed"]:
            reasons.append(f"{title}: {result['failed']} answers neither allow nor deny")
        if result["lost"] and not result["restarts"]:
            reasons.append(f"{title}: {result['lost']} requests without an answer")
        full = [window for window in result["windows"] if window["full"]]
        if len(full) < options.windows:
            reasons.append(f"{title}: expected {options.windows} full windows, found {len(full)}")
        reasons += [f"{title}: {reason}" for window in full for reason in judge_window(window, options.over_admission_max)]
    return reasons


def judge_window(window, percent_max):
    name = f"window {window['window']}"
    highest = window["limit"] * (1 + percent_max / 100)
    if window["principals"] == 1 and window["offered"] >= window["limit"] > window["allowed"]:
        yield f"{name}: allowed {window['allowed']}, expected at least the limit {window['limit']}"
    if window["limit"] + window["over_admission"] > highest:
        yield (f"{name}: allowed {window['limit'] + window['over_admission']}, expected at most {highest:g} "
               f"(limit {window['limit']} + {percent_max:g} %)")


# --- for people

def said(value, form="{:,.0f}", unit=""):
    return "-" if value is None else form.format(value) + unit


def latency_text(us):
    if us is None:
        return "-"
    return f"{us / 1000:,.1f}" if us < 100_000 else f"{us / 1000:,.0f}"


def size_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count is None or count < 1024:
            return "-" if count is None else f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{count:.1f} TiB"


def errors_text(result):
    parts = [f"{result[key]:,} {key}" for key in ("lost", "failed", "unsent") if result[key]]
    return ", ".join(parts) or "0"


def false_text(result):
    found = result["false_rejections"]
    if not found:
        return "-"
    return f"{found['certain']:,}" + (f" (+{found['possible']:,}?)" if found["possible"] else "")


def rows_of(results):
    yield ("PATTERN", "BY", "REQUESTS/S", "WINDOWS", "OFFERED", "LIMIT", "ALLOWED", "OVER: MEAN", "WORST", "FALSE", "P50 ms", "P90", "P99",
           "P99.9", "MAX", "ERRORS")
    for result in results:
        over, full = result["over_admission_percent"] or {}, result["full"] or {}
        latency = result["latency_us"]
        yield (result["pattern"] + ("" if result["valid"] else " !"), result["protocol"], said(result["rate"]),
               said(result["windows_full"] or None), said(full.get("offered")), said(full.get("limit")), said(full.get("allowed_of_limit")),
               said(over.get("mean"), "{:.2f}", " %"), said(over.get("worst"), "{:.2f}", " %"), false_text(result),
               *(latency_text(latency[key]) for key in ("p50", "p90", "p99", "p999", "max")), errors_text(result))


def node_rows_of(results):
    yield ("PATTERN", "NODE", "OFFERED", "ALLOWED", "LOST", "GOSSIP PACKETS/WINDOW", "BYTES/WINDOW", "CPU", "MEMORY")
    for result in results:
        for index, node in enumerate(result["nodes"]):
            yield (f"{result['pattern']} {result['protocol']}" if index == 0 else "", node["name"], said(node["offered"]), said(node["allowed"]),
                   said(node["lost"]), said(node.get("gossip_packets_per_window")), size_text(node.get("gossip_bytes_per_window")),
                   said(node["cpu_percent"], "{:.0f}", " %"), size_text(node["memory_bytes"]))


def window_rows_of(result):
    yield ("WINDOW", "NODE", "OFFERED", "ALLOWED", "LIMIT", "OVER-ADMISSION")
    for window in result["windows"]:
        if not window["full"]:
            continue
        for index, node in enumerate(window["nodes"]):
            yield (window["window"] if index == 0 else "", result["nodes"][index]["name"], node["offered"], node["allowed"], "", "")
        share = f" ({100 * window['over_admission'] / window['limit']:.2f} %)" if window["limit"] else ""
        below = window["principals"] == 1 and window["allowed"] < window["limit"]
        over = f"{window['allowed'] - window['limit']} (below the limit)" if below else f"+{window['over_admission']}{share}"
        yield ("", "all nodes", window["offered"], window["allowed"], window["limit"], over)


def table(rows, left=1):
    """Columns as wide as they must be; the first `left` ones and the last flush left."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column < left or column == last else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def print_report(report, wide):
    results = report["patterns"]
    if wide:
        for result in results:
            if result["windows"]:
                print(f"{result['pattern']}, {result['protocol']}:\n{table(window_rows_of(result), left=2)}\n")
    print(table(rows_of(results), left=2))
    print()
    print(table(node_rows_of(results), left=2))
    print("\nOFFERED, LIMIT, ALLOWED: full windows only. OVER: allowed beyond the limit, per window. FALSE: denied while the cluster surely\n"
          "(with ?: perhaps, because admissions were under way) was below its limit. Latency counts from when a request was due.")
    for result in results:
        for problem in result["problems"]:
            print(f"! {result['pattern']} ({result['protocol']}) is not valid: {problem}")
