"""Who asks how much of whom, and when: the patterns of scripts/loadtest.

Each is a plan for the generator (phases, weights of the nodes, callers), made from the limit that the cluster told. All
of them begin a little before a window does and end a little after one has ended, so that the windows in between are
full.
"""

import dataclasses

callers_many = 1000
zipf_exponent = 1.1
hottest_times_limit = 5      # pattern principals: what the hottest caller asks for
burst_after_s = 0.01         # the window's start, as far as clocks agree
lead_s_max, tail_s = 0.5, 0.1


@dataclasses.dataclass(frozen=True)
class Limit:
    """What holds one caller, as the cluster tells it."""
    rule: str
    requests: int
    window_s: int
    algorithm: str
    admission: str
    source: str

    @property
    def rate(self):
        return self.requests / self.window_s


@dataclasses.dataclass(frozen=True)
class Plan:
    pattern: str
    phases: list                  # (seconds, rate, at once)
    weights: list                 # of the nodes
    callers: int = 1
    zipf: float = 0.0
    lead_s: float = 0.0           # from the start to the first full window
    restarts: bool = False

    @property
    def seconds(self):
        return sum(seconds for seconds, _, _ in self.phases)

    @property
    def requests(self):
        return sum(seconds * rate + at_once for seconds, rate, at_once in self.phases)


def even_weights(count):
    return [1.0] * count


def skewed_weights(count):
    """80 % to the first node, 15 % to the second, 5 % to the others together."""
    if count <= 2:
        return [80.0, 20.0][:count]
    return [80.0, 15.0] + [5.0 / (count - 2)] * (count - 2)


def one_weight(count):
    return [1.0] + [0.0] * (count - 1)


def steady(pattern, options, limit, count, weights, times, **more):
    lead_s = min(lead_s_max, limit.window_s / 2)
    rate = options.rate or times * limit.rate
    return Plan(pattern, [(lead_s + options.windows * limit.window_s + tail_s, rate, 0)], weights(count), lead_s=lead_s, **more)


def burst(options, limit, count):
    """Silence, and at each window's start many times what it allows, at once, on all nodes."""
    at_once = round(options.rate * limit.window_s if options.rate else options.load * limit.requests)
    lead_s = min(lead_s_max, limit.window_s / 2)
    phases = [(lead_s + burst_after_s, 0, 0)] + [(limit.window_s, 0, at_once)] * options.windows + [(tail_s, 0, 0)]
    return Plan("burst", phases, even_weights(count), lead_s=lead_s)


def principals(options, limit, count):
    """Many callers, of whom only the hottest few ask for more than they may."""
    share = 1 / sum(rank ** -zipf_exponent for rank in range(1, callers_many + 1))
    return steady("principals", options, limit, count, even_weights, hottest_times_limit / share, callers=callers_many,
                  zipf=zipf_exponent)


# name -> (one line for people, plan). --load sets how many times the limit is offered; flood is ten times that.
patterns = {
    "even": ("the same rate on all nodes", lambda o, l, n: steady("even", o, l, n, even_weights, o.load)),
    "skewed": ("80, 15 and 5 % of the rate", lambda o, l, n: steady("skewed", o, l, n, skewed_weights, o.load)),
    "one-node": ("all of it on one node", lambda o, l, n: steady("one-node", o, l, n, one_weight, o.load)),
    "burst": ("silence, then all of a window's requests at its start, at once", burst),
    "flood": ("ten times as much as even", lambda o, l, n: steady("flood", o, l, n, even_weights, 10 * o.load)),
    "churn": ("half of even, while the nodes are restarted one after the other",
              lambda o, l, n: steady("churn", o, l, n, even_weights, o.load / 2, restarts=True)),
    "principals": (f"{callers_many} callers by Zipf, the hottest at {hottest_times_limit} times its limit", principals),
}
capacity = "capacity"
capacity_text = "the highest rate, closed loop, by wrk (HTTP) or h2load (gRPC); counts no windows"
