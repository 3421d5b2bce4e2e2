"""What scripts/load makes of its counts: joins the targets' reports, judges them, prints them.

The unit of everything here is the window. Load begins and ends inside of windows, so the first and the last one seen
say nothing about the limit: only full windows are shown and judged. Over-admission of a window = what all targets
together allowed in it beyond the limit.
"""

answered_statuses = ("200", "429", "403")


def merge(options, reports):
    """Joins the targets' counts window by window. A window is full when load ran through all of it on every target."""
    first = max(report["first_wall"] for report in reports)
    last = min(report["last_wall"] for report in reports)
    windows = {}
    for index, report in enumerate(reports):
        for part in report.pop("windows"):
            key = (part["rule"], part["window_s"], part["window_id"])
            window = windows.setdefault(key, {
                "rule": key[0], "limit": 0, "window_s": key[1], "window_id": key[2], "full": False,
                "offered": 0, "allowed": 0, "over_admission": 0,
                "targets": [{"url": each["url"], "offered": 0, "allowed": 0} for each in reports]})
            window["limit"] = max(window["limit"], part["limit"])
            window["offered"] += part["offered"]
            window["allowed"] += part["allowed"]
            window["targets"][index].update(offered=part["offered"], allowed=part["allowed"])
    for window in windows.values():
        begins = window["window_s"] * window["window_id"]
        window["full"] = first <= begins and begins + window["window_s"] <= last
        window["over_admission"] = max(0, window["allowed"] - window["limit"])
    for report in reports:
        del report["first_wall"], report["last_wall"]
    return {
        "rate": options.rate, "seconds": options.seconds, "entries": dict(options.entries),
        "targets": reports, "windows": [windows[key] for key in sorted(windows)],
    }


def judge(options, result):
    """The reasons why the run is not within the bounds asked for; none if it is, or if none were asked for."""
    if options.over_admission_max is None:
        return []
    reasons = []
    for report in result["targets"]:
        unanswered = report["lost"] + report["not_sent"]
        if unanswered:
            reasons.append(f"{report['url']}: {unanswered} requests without an answer ({report['problem'] or 'too slow'})")
        odd = other_statuses(report)
        if odd:
            reasons.append(f"{report['url']}: unexpected statuses {odd}")
    full = [window for window in result["windows"] if window["full"]]
    if len(full) < options.full_windows_min:
        reasons.append(f"expected at least {options.full_windows_min} full windows, found {len(full)}; use more --seconds")
    for window in full:
        name = f"window {window['window_id']} of rule {window['rule']}"
        highest = window["limit"] * (1 + options.over_admission_max / 100)
        if window["offered"] < window["limit"]:
            reasons.append(f"{name}: offered {window['offered']}, less than the limit {window['limit']}; use more --rate")
        elif window["allowed"] < window["limit"]:
            reasons.append(f"{name}: allowed {window['allowed']}, expected at least the limit {window['limit']}")
        elif window["allowed"] > highest:
            reasons.append(f"{name}: allowed {window['allowed']}, expected at most {highest:g} "
                           f"(limit {window['limit']} + {options.over_admission_max:g} %)")
    return reasons


def other_statuses(report):
    return {status: count for status, count in report["statuses"].items() if status not in answered_statuses}


def over_text(window):
    if window["allowed"] < window["limit"]:
        return f"{window['allowed'] - window['limit']} (below the limit)"
    if window["limit"] == 0:
        return f"+{window['over_admission']}"
    return f"+{window['over_admission']} ({100 * window['over_admission'] / window['limit']:.2f} %)"


def print_table(result):
    width = max(len("all targets"), *(len(report["url"]) for report in result["targets"]))
    line = f"%-12s  %-{width}s  %9s  %9s  %9s  %s"
    full = [window for window in result["windows"] if window["full"]]
    if full:
        print(line % ("WINDOW", "TARGET", "OFFERED", "ALLOWED", "LIMIT", "OVER-ADMISSION"))
    for window in full:
        for index, part in enumerate(window["targets"]):
            label = window["window_id"] if index == 0 else ""
            print((line % (label, part["url"], part["offered"], part["allowed"], "", "")).rstrip())
        print(line % ("", "all targets", window["offered"], window["allowed"], window["limit"], over_text(window)))
    if full:
        shares = [100 * window["over_admission"] / window["limit"] for window in full if window["limit"]]
        if shares:
            print(f"over-admission of {len(shares)} full {'windows' if len(shares) > 1 else 'window'}: mean {sum(shares) / len(shares):.2f} %, worst {max(shares):.2f} %")
    partial = len(result["windows"]) - len(full)
    if partial:
        print(f"{partial} partial {'windows' if partial > 1 else 'window'} (load began or ended inside) not shown")
    for report in result["targets"]:
        trouble = f", {report['lost']} lost" if report["lost"] else ""
        trouble += f", {report['not_sent']} not sent in time" if report["not_sent"] else ""
        trouble += f", last problem: {report['problem']}" if report["problem"] else ""
        others = other_statuses(report)
        trouble += f", other statuses {others}" if others else ""
        print(f"{report['url']}: offered {report['offered']}, allowed {report['allowed']}, denied {report['denied']}{trouble}")
