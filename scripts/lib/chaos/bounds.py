"""How much more than the limit may have been admitted in a window, from what disturbed it.

Whoever makes the last admission counts all that it has joined: admitted <= limit + what others admitted and it had not joined
(design.md section 4). What could not be joined is known, for the faults are:

- parts: nodes that no chain of links leads from and to count alone. The most parts at any one time, each worth one limit: what
  one part counted is known to the part that its nodes go to next. A node whose clock is beyond the skew allowance counts in
  other windows than the rest, and one that comes back while its links are disturbed may begin without its peers' counts: each
  is one part more.
- a node that stood still answers what waited for it before it has read what it missed: its share of the load meanwhile.
- what a killed node had told nobody: its share of the load in a sync interval.
- loss and delay: what is offered until a packet is told again.
- always: what is offered while the news travels (the peer delay that the nodes measure, and the longest that this machine let
  a process wait), and one hit of each node.
"""

import dataclasses
import math

heal_tail_s = 2.5           # after a heal, until every link is used again: heartbeats, and repair through others
wake_tail_s = 1.0           # of a node that stood still
repair_s = 0.6              # until something lost is told again
sync_interval_s = 0.5
skew_allowed_s = 1.0

splitting = ("partition", "alone", "one-way")
disturbing = (*splitting, "loss", "unruly", "dns")


@dataclasses.dataclass
class Bound:
    extra: int                # beyond the limit
    parts: int
    quiet: bool


def overlaps(fault, begin, end, before=0.0, after=0.0):
    return fault.began - before < end and begin < (fault.ended or math.inf) + after


def links_cut(fault, nodes):
    """(from, to) of slots."""
    what = fault.what
    if fault.kind == "partition":
        return {(a, b) for one, other in ((what["one"], what["other"]), (what["other"], what["one"])) for a in one for b in other}
    if fault.kind == "alone":
        others = [each for each in range(1, nodes + 1) if each != what["node"]]
        return {(what["node"], each) for each in others} | {(each, what["node"]) for each in others}
    if fault.kind == "one-way":
        return {(what["from"], each) for each in what["to"]}
    return set()


def parts_count(cut, nodes):
    """Strongly connected components of the links that are left."""
    def reached(start, forward):
        seen, to_see = {start}, [start]
        while to_see:
            at = to_see.pop()
            for each in range(1, nodes + 1):
                link = (at, each) if forward else (each, at)
                if each not in seen and link not in cut:
                    seen.add(each)
                    to_see.append(each)
        return seen

    left, count = set(range(1, nodes + 1)), 0
    while left:
        first = min(left)
        left -= reached(first, True) & reached(first, False)
        count += 1
    return count


def parts_most(faults, begin, end, nodes):
    cutting = [each for each in faults if each.kind in splitting and overlaps(each, begin, end, after=heal_tail_s)]
    moments = [begin, *(max(begin, each.began) for each in cutting)]
    most = 1
    for moment in moments:
        cut = set()
        for each in cutting:
            if overlaps(each, moment, moment + 1e-6, after=heal_tail_s):
                cut |= links_cut(each, nodes)
        most = max(most, parts_count(cut, nodes))
    return most


def bound_of(begin, end, faults, rate, limit, nodes, delay_s):
    """For a window of wall clock [begin, end) and callers that together ask `rate` times a second, each with `limit`."""
    parts = parts_most(faults, begin, end, nodes)
    extra = rate * delay_s + nodes
    share = rate / nodes
    quiet = True
    lives = nodes
    for fault in faults:
        shift = abs(fault.what.get("offset_s", 0.0))
        if not overlaps(fault, begin, end, before=shift, after=shift + heal_tail_s):
            continue
        quiet = False
        lasted_s = min(end, fault.ended or end) - max(begin - sync_interval_s, fault.began)
        if fault.kind == "clock" and shift > skew_allowed_s:
            parts += 1
            lives += 1
        elif fault.kind == "stop":
            extra += share * (max(0.0, lasted_s) + wake_tail_s)
        elif fault.kind in ("kill", "restart"):
            lives += 1
            extra += share * (sync_interval_s + delay_s)
            if any(other.kind in (*disturbing, "stop", "clock") and
                   overlaps(other, fault.began, fault.ended or end, after=heal_tail_s) for other in faults):
                parts += 1
        elif fault.kind in ("loss", "config", "override", "keys", "dns"):
            extra += rate * repair_s if fault.kind == "loss" else 0
        elif fault.kind == "unruly":
            what = fault.what
            extra += rate * (what["delay_ms"] + what["jitter_ms"] + 50) / 1000 + (rate * repair_s if what["damaged_percent"] else 0)
    return Bound(min((parts - 1) * limit + math.ceil(extra), (lives - 1) * limit + nodes), parts, quiet)
