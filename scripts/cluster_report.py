"""Prints what the phases were worth: a table for people; JSON is the accounts as they are."""

columns = (("PHASE", "phase"), ("SECONDS", "seconds"), ("OFFERED", "offered"), ("ADMITTED", "admitted"), ("LIMIT", "limit_text"),
           ("OVER MEAN", "mean_text"), ("WORST", "worst_text"), ("BOUND", "bound_text"), ("LOST", "lost"),
           ("VIEWS EQUAL", "views_text"), ("5XX", "gateway_5xx"), ("FAILED", "failed"), ("UNASKED", "uncounted"),
           ("DENIED EARLY", "denied_below_limit"), ("PACKETS/S", "packets_text"))


def print_table(report):
    rows = [[title for title, _ in columns]]
    rows += [[str(row[key]) for _, key in columns] for row in map(_texts, report["phases"])]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
    for found in report["phases"]:
        print(f"{found['phase']}: {found['windows_full']} full windows of {found['window_s']:g} s, D {found['delay_ms']:g} ms, "
              f"{found['ready']} nodes with {found['memory_mib']:g} MiB and {100 * found['cpu_share']:.1f} % of a core each, answers "
              f"in {found['wait_ms']['p50']} ms (median), {found['wait_ms']['p99']} ms (99 %)")


def _texts(found):
    limit = found["limit"]
    return {**found, "limit_text": f"{limit} a window", "mean_text": f"{100 * found['over_admission_mean'] / limit:.2f} %",
            "worst_text": found["over_admission_worst"], "bound_text": found["over_admission_bound"],
            "views_text": f"after {found['views_equal_after_s']:.2f} s" if found["views_equal"] else "NO",
            "packets_text": f"{found['packets'] / found['seconds']:.0f}"}
