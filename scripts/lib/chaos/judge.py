"""What a round was worth: what clients counted and nodes told, against what was promised while such faults were in force.

Everything here is arithmetic on observations; a test makes some up and breaks each promise once.
"""

import collections
import dataclasses
import statistics

from chaos import bounds
from chaos.load import connections
from chaos.rules import kinds, limit, window_s

ready_s_max = 3.0
peers_lost = ("kill", "restart")


@dataclasses.dataclass
class Window:
    kind: str
    number: int
    admitted: int
    over: int                 # worst caller
    bound: bounds.Bound


def judge_windows(reports, faults, nodes, delay_s):
    """(windows, reasons) of all kinds of callers; `reports`: name of the kind -> what its generator said."""
    windows, reasons = [], []
    for kind in kinds:
        for said in reports[kind.name]["windows"]:
            begin = said["window"] * window_s
            bound = bounds.bound_of(begin, begin + window_s, faults, kind.rate() / kind.callers, said["limit"] or limit, nodes, delay_s)
            windows.append(Window(kind.name, said["window"], said["allowed"], said["over_admission_worst"], bound))
            if said["over_admission_worst"] > bound.extra:
                reasons.append(f"{kind.name}, window {said['window']}: {said['over_admission_worst']} admitted beyond the limit "
                               f"{said['limit']} of a caller, expected at most {bound.extra} ({bound.parts} parts)")
            if kind.name == "below" and said["denied"]:
                reasons.append(f"{kind.name}, window {said['window']}: {said['denied']} denied, though they ask far below the limit")
            if kind.name in ("below", "at", "over", "pushed") and said["false_certain"]:
                reasons.append(f"{kind.name}, window {said['window']}: {said['false_certain']} denied while the limit "
                               f"{said['limit']} was not reached")
    return windows, reasons


def judge_answers(reports, faults, names):
    """Whether clients were answered, by all nodes that nothing was done to."""
    reasons = []
    killed = collections.Counter(f"n{fault.what['node']}" for fault in faults if fault.kind == "kill")
    for kind, said in reports.items():
        if said["failed"]:
            reasons.append(f"{kind}: {said['failed']} answers that were neither 200 nor 429")
        if said["untold"]:
            reasons.append(f"{kind}: {said['untold']} answers that do not name the rule {kind}")
        if said["unsent"]:
            reasons.append(f"{kind}: {said['unsent']} requests could not be sent: this machine is too slow for the load")
        for name, target in zip(names, said["targets"]):
            if target["lost"] > killed[name] * connections:
                reasons.append(f"{kind}: {target['lost']} requests to {name} without an answer, which was killed {killed[name]} times "
                               f"with at most {connections} under way ({target['problem']})")
    return reasons


def judge_ledger(kind, said, held, before, faults, nodes, delay_s):
    """What all nodes hold in the end, against what clients saw pass since `before`."""
    counted, seen = held - before, said["allowed"]
    rate = kind.rate()
    lost_max = 0.0
    for fault in faults:
        if fault.kind in peers_lost:
            apart = [other for other in faults if other.kind in (*bounds.disturbing, "stop", "clock") and
                     bounds.overlaps(other, fault.began, fault.began + 1e-3, after=bounds.heal_tail_s)]
            alone_s = max((fault.began - other.began for other in apart), default=0.0)
            if fault.kind == "kill" or apart:
                lost_max += rate / nodes * (bounds.sync_interval_s + delay_s + alone_s + (bounds.heal_tail_s if apart else 0)) + 1
    if counted < seen - lost_max:
        return [f"{kind.name}: clients saw {seen} pass, the nodes count {counted}; expected at most {lost_max:.0f} to be lost by kills"]
    if counted > seen + said["lost"]:
        return [f"{kind.name}: the nodes count {counted}, clients saw {seen} pass and {said['lost']} without an answer"]
    return []


def is_calm(recovery, faults):
    """Nothing else was wrong when this node came back."""
    return not any(fault.kind in (*bounds.disturbing, "stop", "clock", "kill", "restart") and fault is not recovery.fault and
                   bounds.overlaps(fault, recovery.began, recovery.ready_at, after=bounds.heal_tail_s) for fault in faults)


def judge_recoveries(recoveries, faults, patience):
    reasons = []
    for each in recoveries:
        if each.seconds() > ready_s_max * patience:
            reasons.append(f"{each.name}: ready {each.seconds():.2f} s after its start, expected at most {ready_s_max * patience:g} s")
        for what, counted, floor in (("hits", each.counted, each.floor), ("counters", each.counters, each.crowd)):
            if is_calm(each, faults) and counted < floor:
                reasons.append(f"{each.name}: ready with {counted} {what}, its peers had {floor} when it started")
    return reasons


memory_slack_kib, memory_slack_share = 4096, 0.06     # that a node may grow by, whichever is more
descriptors_slack = 8                                 # that its clients and observers may have open at one moment
samples_least = 120          # one a second: what a table has to grow in its first minute is no leak


def judge_memory(samples, warm_up_s):
    """`samples`: of one life. (row for the table or None, reasons): the last quarter against the first, after the warm-up; open
    descriptors where nobody asked for anything."""
    rows = [row for row in samples if row.at >= samples[0].at + warm_up_s]
    resting = [row for row in rows if row.resting]
    if len(rows) < samples_least or not resting:
        return None, []
    quarter = len(rows) // 4
    early, late = rows[:quarter], rows[-quarter:]
    first, last = (statistics.median(row.kib for row in part) for part in (early, late))
    minutes = (statistics.mean(row.at for row in late) - statistics.mean(row.at for row in early)) / 60
    descriptors, threads = [resting[0].descriptors, resting[-1].descriptors], [early[0].threads, late[-1].threads]
    reasons = []
    if last - first > max(memory_slack_kib, memory_slack_share * first):
        reasons.append(f"memory grew from {first / 1024:.1f} to {last / 1024:.1f} MiB within {minutes:.1f} minutes")
    if descriptors[1] > descriptors[0] + descriptors_slack:
        reasons.append(f"open descriptors grew from {descriptors[0]} to {descriptors[1]}")
    if threads[0] != threads[1]:
        reasons.append(f"threads went from {threads[0]} to {threads[1]}")
    return {"first_mib": first / 1024, "last_mib": last / 1024, "mib_per_minute": (last - first) / 1024 / minutes,
            "descriptors": descriptors, "threads": threads, "minutes": (rows[-1].at - rows[0].at) / 60}, reasons


# what a line of a log at level error may be about, and which fault explains it
explained = {"config": ("rules", "refused", "config"), "dns": ("neighborhood", "resolve", "dns"), "keys": ("key",)}
fatal_words = ("internal error at", "Sanitizer", "runtime error:", "terminate called", "Assertion")
flawed_reasons = {"bad_magic", "too_short", "too_long", "wrong_protocol", "unknown_kind", "wrong_cluster", "wrong_port", "malformed",
                  "bad_field", "bad_seal", "not_sealed"}


def judge_log(name, lines, faults_so_far):
    reasons = []
    for line in lines:
        if any(word in line for word in fatal_words):
            reasons.append(f"{name}: {line}")
        elif " error " in line[:40]:
            kinds_so_far = {fault.kind for fault in faults_so_far}
            if not any(kind in kinds_so_far and any(word in line.lower() for word in words) for kind, words in explained.items()):
                reasons.append(f"{name}: a line of level error that no fault explains: {line}")
    return reasons


def judge_dropped(dropped, damaged_count):
    """`dropped`: life -> reason -> packets. Damage explains as many packets as were damaged, and no more."""
    flawed = {}
    for reasons in dropped.values():
        for reason, count in reasons.items():
            if reason in flawed_reasons:
                flawed[reason] = flawed.get(reason, 0) + count
    if sum(flawed.values()) > damaged_count:
        return [f"nodes refused {flawed} packets, {damaged_count} were damaged"]
    return []
