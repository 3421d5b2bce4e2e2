"""The rules that chaos runs under, and who asks how much.

Each kind of caller has a rule of its own, and all have a ledger: a limit that nobody reaches, in a window that outlives the run, so
that what nodes have counted can be compared with what clients saw pass.
"""

import dataclasses

from cluster.place import ledger_days  # noqa: F401  (the ledger's windows are drawn as there)
import time

window_s = 4
limit = 100


@dataclasses.dataclass(frozen=True)
class Kind:
    """`asks`: requests in a window of each caller, as a multiple of the limit."""
    name: str
    callers: int
    asks: float
    more: str = ""            # of its rule

    def rate(self):
        return self.callers * self.asks * limit / window_s


kinds = (
    Kind("below", 8, 0.2),
    Kind("at", 2, 1.0),
    Kind("over", 1, 8.0),
    Kind("sliding", 1, 3.0, "    algorithm: sliding_window\n"),
    Kind("guarded", 1, 4.0, "    admission: guarded\n"),
    Kind("pushed", 4, 0.8),
)
pushed = "pushed"             # whose limit rollouts and overrides change


def rules_text(pushed_requests, factor=1):
    """`factor`: of all limits, for a node that is to be wrong."""
    days = max(ledger_days, key=lambda each: each * 86400 - time.time() % (each * 86400))
    text = "rules:\n"
    for kind in kinds:
        requests = factor * (pushed_requests if kind.name == pushed else limit)
        text += (f'  - name: {kind.name}\n    match: {{kind: {kind.name}, principal: "*"}}\n'
                 f"    limits: [{{requests: {requests}, per: {window_s}s}}]\n{kind.more}")
    return text + ('  - name: ledger\n    match: {principal: "*"}\n'
                   f"    limits: [{{requests: 4000000000, per: {days}d}}]\n")


def bad_rules_text():
    return "rules:\n  - name: broken\n    match: {principal: [\n"


def principal(kind, caller):
    return f"{kind.name}-{caller:04d}"
