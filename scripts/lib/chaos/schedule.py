"""Which faults come when: drawn from the seed alone, so that a seed tells the same story again.

What is drawn depends on nothing that real processes do. When a fault needs a node that answers (an override) and the one drawn
does not at that moment, the next one that does is taken.

Two faults that would undo each other do not overlap: a node is killed, stopped or restarted by one fault at a time, and there is
one rollout of rules, one rotation of keys, one trouble of DNS and one clock fault per node at a time; less than half of the nodes
are away. Everything else overlaps as
it comes. Node 1 is never killed nor restarted: it lives from the beginning to the end, and its memory and descriptors are what
has to stay flat.
"""

import dataclasses
import random

mean_gap_s = 1.0              # between the beginnings of two faults
recovery_s = 5.0              # a node is left alone for as long after it was killed, stopped or restarted
witness = 1

# kind -> (weight, shortest, longest in seconds)
kinds = {
    "kill": (8, 0.1, 4.0), "stop": (5, 0.3, 6.0), "restart": (3, 0.2, 1.0), "partition": (3, 2.0, 9.0), "alone": (2, 2.0, 9.0),
    "one-way": (2, 2.0, 9.0), "loss": (3, 2.0, 8.0), "unruly": (4, 2.0, 8.0), "dns": (4, 3.0, 12.0), "clock": (3, 2.0, 8.0),
    "config": (3, 1.0, 4.0), "override": (7, 0.0, 0.0), "keys": (2, 2.0, 5.0),
}
within_skew_s = (0.2, 0.8)    # nodes take counts of windows that their clocks are this far from
beyond_skew_s = (2.5, 8.0)    # and refuse those
dns_troubles = ("stopped", "servfail", "empty", "stale")


@dataclasses.dataclass
class Fault:
    kind: str
    at_s: float               # since the round began
    lasts_s: float
    what: dict
    began: float = 0.0        # wall clock, once it has
    ended: float = 0.0        # once what it did is undone and the node, if it was about one, is ready again

    def story(self):
        return " ".join([self.kind, *(f"{key}={_word(value)}" for key, value in self.what.items())])


def _word(value):
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return "+".join(_word(each) for each in value)
    return str(value)


def draw(seed, round_number, nodes, seconds, able):
    """The faults of one round in the order of their beginnings. `able`: the kinds that can be done here."""
    dice = random.Random(f"starling chaos {seed} {round_number}")
    chosen = [kind for kind in kinds if kind in able]
    weights = [kinds[kind][0] for kind in chosen]
    taken, faults, at_s = {}, [], dice.uniform(0, mean_gap_s)
    while at_s < seconds:
        kind = dice.choices(chosen, weights)[0]
        lasts_s = min(dice.uniform(*kinds[kind][1:]), max(0.1, seconds - at_s))
        what = _details(dice, kind, nodes)
        needs, free_after_s = _needs(kind, what)
        if kind in ("kill", "stop"):    # never most of the nodes at a time
            places = [f"place {each}" for each in range((nodes - 1) // 2)]
            needs.append(min(places, key=lambda each: taken.get(each, 0.0)))
        if all(taken.get(each, 0.0) <= at_s for each in needs):
            taken.update(dict.fromkeys(needs, at_s + lasts_s + free_after_s))
            faults.append(Fault(kind, round(at_s, 3), round(lasts_s, 3), what))
        at_s += dice.expovariate(1 / mean_gap_s)
    return faults


def _needs(kind, what):
    """What no other fault may have meanwhile, and for how long after it."""
    if kind in ("kill", "stop", "restart"):
        return [f"node {what['node']}"], recovery_s
    if kind == "clock":
        return [f"clock {what['node']}"], 1.0
    if kind in ("config", "keys", "dns"):
        return [kind], 1.0
    return [], 0.0


def _details(dice, kind, nodes):
    numbers = list(range(1, nodes + 1))
    mortal = [number for number in numbers if number != witness]
    if kind == "kill":
        return {"node": dice.choice(mortal), "moves": dice.random() < 0.3}
    if kind == "restart":
        return {"node": dice.choice(mortal)}
    if kind == "stop":
        return {"node": dice.choice(numbers)}
    if kind == "alone":
        return {"node": dice.choice(numbers)}
    if kind == "partition":
        dice.shuffle(numbers)
        middle = dice.randint(1, nodes - 1)
        return {"one": sorted(numbers[:middle]), "other": sorted(numbers[middle:])}
    if kind == "one-way":
        dice.shuffle(numbers)
        return {"from": numbers[0], "to": sorted(numbers[1:dice.randint(2, nodes)])}
    if kind == "loss":
        return {"percent": dice.choice((2, 10, 30))}
    if kind == "unruly":
        return {"delay_ms": dice.choice((1, 5, 30)), "jitter_ms": dice.choice((0, 5, 30)), "twice_percent": dice.choice((0, 5, 30)),
                "late_percent": dice.choice((0, 5, 30)), "damaged_percent": dice.choice((0, 2, 10))}
    if kind == "dns":
        return {"trouble": dice.choice(dns_troubles)}
    if kind == "clock":
        offset_s = dice.uniform(*(within_skew_s if dice.random() < 0.6 else beyond_skew_s))
        return {"node": dice.choice(numbers), "offset_s": round(dice.choice((-1, 1)) * offset_s, 3)}
    if kind == "config":
        return {"requests": dice.randint(60, 160), "bad_before": dice.random() < 0.5}
    if kind == "override":
        return {"node": dice.choice(numbers), "principal": dice.randint(0, 3), "requests": dice.choice((0, 40, 70, 150))}
    return {}
