"""Prints what the phases were worth: a table for people; JSON is the accounts as they are."""

columns = (("PHASE", "phase"), ("OFFERED", "offered"), ("ADMITTED", "admitted"), ("LIMIT", "limit"), ("OVER", "mean_text"),
           ("WORST", "worst_text"), ("BOUND", "bound_text"), ("LOST", "lost"), ("VIEWS EQUAL", "views_text"),
           ("5XX", "gateway_5xx"), ("FAILED", "failed"), ("UNASKED", "uncounted"), ("DENIED EARLY", "denied_below_limit"))


def print_table(report):
    rows = [[title for title, _ in columns]]
    rows += [[str(row[key]) for _, key in columns] for row in map(_texts, report["phases"])]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
    for found in report["phases"]:
        print(f"{found['phase']}: {found['seconds']:.0f} s, {found['windows_full']} full windows of {found['window_s']:g} s, "
              f"D {found['delay_ms']:g} ms, answers in {found['wait_ms']['p50']:.1f} ms (p99 {found['wait_ms']['p99']:.0f});\n"
              f"  {found['ready']} nodes with {found['memory_mib']:.0f} MiB and {100 * found['cpu_share']:.1f} % of a core each, "
              f"{found['packets'] / found['seconds']:.0f} packets/s of gossip")


def _texts(found):
    return {**found, "mean_text": f"{100 * found['over_admission_mean'] / found['limit']:.2f} %",
            "worst_text": f"+{found['over_admission_worst']}", "bound_text": f"+{found['over_admission_bound']}",
            "views_text": f"after {found['views_equal_after_s']:.2f} s" if found["views_equal"] else "NO"}
