"""What a phase was worth: its clients' counts against what the nodes hold afterwards, and against what was promised.

Bounds, all in hits:
- over-admission of a window <= what arrived within the peer delay D at its busiest (what other nodes admit while the news
  travels: offered rate x D), and one for each node; D is what the nodes themselves measured and agreed on. A kill adds what it
  lost, a partition one limit for each further side.
- lost <= 0 where every stop was graceful; by a kill, what one node may have kept back: offered rate x (sync interval + D).
- in a window that was loaded from end to end nobody is denied while the limit is not reached.

Lost hits are those that clients saw pass and no node counts. A request without an answer, and one that the gateway let pass
without one, may have been counted or not.
"""

sync_interval_s = 0.5        # the node's default: the longest that counts far from a limit stay untold


def judge_windows(load, limit, window_s, bound_more, nodes):
    """One row per window, from what clients counted."""
    rows = []
    for window in load["windows"]:
        begins = window["window"] * window_s
        full = load["first_wall"] <= begins and begins + window_s <= load["last_wall"]
        certain = window["admitted"] - window["edge"]
        rows.append({
            "window": window["window"], "full": full, "offered": window["offered"], "admitted": window["admitted"],
            "denied": window["denied"], "edge": window["edge"], "unsure": window["unsure"], "limit": limit,
            "over_admission": max(0, window["admitted"] - limit), "over_admission_certain": max(0, certain - limit),
            "bound": window.get("burst", 0) + nodes + bound_more,
            "denied_below_limit": min(window["denied"], max(0, limit - window["admitted"] - window["unsure"]))
            if full else 0})
    return rows


def judge(phase, load, held, before, limit, window_s, delay_s, nodes, lost_max=0, sides=1, graceful=True):
    """The account of a phase. `held`, `before`: the ledger's total on the nodes after and before; `sides`: of a partition."""
    admitted = sum(target["outcomes"].get("admitted", 0) for target in load["targets"])
    perhaps = sum(target["outcomes"].get(name, 0) for target in load["targets"] for name in ("failed", "uncounted"))
    counted = held - before
    lost = max(0, admitted - counted)
    rows = judge_windows(load, limit, window_s, lost + (sides - 1) * limit, nodes)
    full = [row for row in rows if row["full"]]
    over = [row["over_admission"] for row in full]
    gateway = next((target["outcomes"] for target in load["targets"] if target["name"] == "gateway"), {})
    found = {
        "phase": phase, "graceful": graceful, "delay_ms": round(1000 * delay_s, 3), "nodes": nodes,
        "offered": sum(target["offered"] for target in load["targets"]), "admitted": admitted,
        "denied": sum(target["outcomes"].get("denied", 0) for target in load["targets"]),
        "not_sent": load["not_sent"], "limit": limit, "window_s": window_s, "windows": rows, "windows_full": len(full),
        "over_admission_mean": sum(over) / len(over) if over else 0.0,
        "over_admission_worst": max((row["over_admission"] for row in rows), default=0),
        "over_admission_bound": min((row["bound"] for row in rows if row["offered"]), default=0),
        "counted": counted, "lost": lost, "lost_max": lost_max, "counted_twice": max(0, counted - admitted - perhaps),
        "denied_below_limit": sum(row["denied_below_limit"] for row in rows),
        "gateway_5xx": sum(count for outcome, count in gateway.items() if outcome.startswith("5")),
        "uncounted": sum(target["outcomes"].get("uncounted", 0) for target in load["targets"]),
        "failed": sum(target["outcomes"].get("failed", 0) for target in load["targets"]),
        "retried": sum(target["retried"] for target in load["targets"]),
        "targets": load["targets"], "wait_ms": load["wait_ms"], "problems": load["problems"]}
    found["broken"] = broken(found)
    return found


def broken(found):
    """What of the promises the phase did not keep, one line each."""
    reasons = []
    for row in found["windows"]:
        if row["over_admission_certain"] > row["bound"]:
            reasons.append(f"window {row['window']}: {row['admitted']} admitted, expected at most the limit {row['limit']} and "
                           f"{row['bound']} more")
    if found["lost"] > found["lost_max"]:
        reasons.append(f"{found['lost']} hits lost, expected at most {found['lost_max']}: clients saw {found['admitted']} "
                       f"pass, the nodes count {found['counted']}")
    if found["counted_twice"]:
        reasons.append(f"{found['counted_twice']} hits counted that no client sent")
    if found["denied_below_limit"]:
        reasons.append(f"{found['denied_below_limit']} requests denied in windows that did not reach their limit")
    odd = {name: count for target in found["targets"] for name, count in target["outcomes"].items()
           if name not in ("admitted", "denied", "uncounted", "failed")}
    if found["gateway_5xx"]:
        reasons.append(f"{found['gateway_5xx']} answers 5xx of the gateway, expected none")
    elif odd:
        reasons.append(f"answers that nobody expects: {odd}")
    if found["graceful"]:
        for name, what in (("failed", "requests without an answer"), ("uncounted", "requests let pass without asking a node")):
            if found[name]:
                reasons.append(f"{found[name]} {what}, expected none: {_listed(found['problems'])}")
    if found["not_sent"]:
        reasons.append(f"{found['not_sent']} requests could not be sent in time: this machine is too slow for the load; use less")
    return reasons


def _listed(problems):
    return "; ".join(f"{count} x {problem}" for problem, count in problems.items()) or "nobody said why"
