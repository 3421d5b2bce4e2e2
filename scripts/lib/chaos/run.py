"""A run of chaos: rounds of faults under load, each healed and judged, until the time is over or a promise is broken."""

import collections
import heapq
import itertools
import json
import pathlib
import time

from chaos import judge, keys, schedule
from chaos.actions import Actions
from chaos.bounds import heal_tail_s
from chaos.links import Links
from chaos.load import Loads, fill
from chaos.rules import kinds, principal, window_s
from chaos.site import Site, ledger_view, moved_by
from chaos.watch import Watch, sample_pause_s
from cluster.network import Network
from harness import patience

quiet_windows = 2
warm_up_s = 20.0
step_s = 0.005
sync_port = 4290
round_rest_s = 60.0           # of a load, beyond the faults of its round: it is told to stop


class Broken(Exception):
    """Promises that were not kept: one line each."""

    def __init__(self, reasons):
        super().__init__("\n".join(reasons))
        self.reasons = reasons


class Totals:
    def __init__(self):
        self.faults, self.windows, self.recoveries, self.converged, self.memory = [], [], [], [], []
        self.calm_recoveries = []
        self.outcomes, self.dropped = collections.Counter(), collections.Counter()
        self.requests = 0
        self.answer_s_worst = self.delay_s = self.stall_s = 0.0

    def by_phase(self):
        phases = {"quiet": [], "disturbed": [], "split": []}
        for window in self.windows:
            phases["quiet" if window.bound.quiet else "disturbed" if window.bound.parts == 1 else "split"].append(window)
        return phases


class Chaos:
    """`options`: seed, nodes, seconds, round_seconds, able (kinds of faults), binary, load_binary, clock_library, sabotage."""

    def __init__(self, options, directory, tell):
        self._options, self._directory, self._tell_line = options, pathlib.Path(directory), tell
        self._began = time.monotonic()
        self._due, self._order = [], itertools.count()
        self.trouble = []
        self.totals = Totals()
        self._logs_read = {}
        self._damaged_before = 0
        self._held = {kind.name: 0 for kind in kinds}
        self._network = self._site = self._links = self._watch = self._loads = None

    def run(self):
        options = self._options
        try:
            self._set_up()
            ends = time.monotonic() + options.seconds
            for number in itertools.count(1):
                left_s = ends - time.monotonic()
                if number > 1 and left_s < min(options.round_seconds, 15):
                    break
                self._round(number, min(options.round_seconds, max(5.0, left_s)) if number > 1 else
                            min(options.round_seconds, options.seconds))
            self._memory()
            self._stop_all()
        finally:
            self._close()

    def _tell(self, text):
        self._tell_line(f"{time.monotonic() - self._began:7.1f} s  {text}")

    # --- beginning

    def _set_up(self):
        options, directory = self._options, self._directory
        token_path = directory / "token"
        token_path.touch(mode=0o600)
        token_path.write_text("chaos-reigns-here-0123456789\n", encoding="ascii")
        flags = {"admin_token_file": token_path, **options.flags}
        ring = keys.Ring(options.seed)
        if options.sealed:
            flags["key_file"] = f"{directory}/keys-{{number}}/keys"
        self._network = Network()
        self._site = Site(self._network, directory, options.binary, options.nodes, flags, options.clock_library, options.odd,
                          options.factors)
        self._links = Links([slot.number + place for slot in self._site.slots for place in (0, moved_by)], options.seed, options.sealed)
        self._actions = Actions(self._site, self._links, options.binary, self._later, self.trouble, token_path, ring)
        self._actions.rules_requests = 100
        for slot in self._site.slots:
            self._site.push_rules(slot, "..v0", self._site.rules_text(slot, 100))
            if options.sealed:
                keys.write(self._site, slot, ring)
        self._watch = Watch(self._site, self.trouble)
        if options.deaf:
            self._network.deafen(options.deaf, sync_port)
        for slot in self._site.slots:
            self._actions.start(slot)
        took_s = self._converge()
        self._watch.recoveries.clear()
        self._tell(f"{options.nodes} nodes see each other after {took_s:.1f} s")
        if options.crowd:
            fill(options.load_binary, directory, self._site.slots, options.crowd)
            self._wait_until(lambda: all(slot.node.status()["counters"]["used"] >= options.crowd for slot in self._site.slots),
                             self._options.converge_s, lambda: "the crowd is not counted everywhere")
            self._watch.crowd = options.crowd
            self._tell(f"{options.crowd} callers are counted on all nodes")

    # --- a round

    def _round(self, number, seconds):
        options, site = self._options, self._site
        faults = schedule.draw(options.seed, number, options.nodes, seconds, options.able)
        self._watch.forget()
        starts_at = (time.time() + 1.0) // window_s * window_s + window_s
        self._loads = Loads(options.load_binary, self._directory, site.slots, starts_at, seconds + round_rest_s + self._options.converge_s)
        self._wait(starts_at + window_s - time.time())
        self._tell(f"--- round {number}: {len(faults)} faults in {seconds:.0f} s")
        for fault in faults:
            self._later(fault.at_s, self._begin, fault)
        self._wait(seconds)
        self._wait_until(lambda: not self._due and not self._actions.busy(), self._options.converge_s, self._unfinished)
        healed_at = time.time()
        took_s = self._converge()
        self.totals.converged.append(took_s)
        quiet_from = max([time.time(), *(fault.ended + abs(fault.what.get("offset_s", 0.0)) + heal_tail_s for fault in faults)])
        self._wait((quiet_from // window_s + 1 + quiet_windows) * window_s + 0.1 - time.time())
        reports = self._loads.stop()
        self._loads = None
        self._judge(number, reports, faults, took_s, healed_at)

    def _begin(self, fault):
        self._tell(f"{fault.story()}" + (f" for {fault.lasts_s:.1f} s" if fault.lasts_s else ""))
        self._actions.begin(fault)
        self._later(fault.lasts_s, self._actions.end, fault)

    def _unfinished(self):
        return f"a fault did not end: {[(slot.name, slot.state) for slot in self._site.slots if slot.state != 'up'] or self._due[:3]}"

    def _judge(self, number, reports, faults, took_s, healed_at):
        options, totals, watch = self._options, self.totals, self._watch
        delay_s = watch.delay_s + watch.stall_s
        windows, reasons = judge.judge_windows(reports, faults, options.nodes, delay_s)
        reasons += judge.judge_answers(reports, faults, [slot.name for slot in self._site.slots])
        reasons += judge.judge_recoveries(watch.recoveries, faults, patience())
        until = time.monotonic() + options.converge_s * patience()
        for kind in kinds:
            held, unequal = self._equal_ledger(kind, until)
            reasons += unequal or judge.judge_ledger(kind, reports[kind.name], held, self._held[kind.name], faults, options.nodes, delay_s)
            self._held[kind.name] = held
        totals.faults += faults
        watch.resting = True
        self._wait(2 * sample_pause_s)
        watch.resting = False
        reasons += self._read_logs()
        reasons += judge.judge_dropped(watch.dropped, self._links.damaged_count if options.sealed else 0)
        totals.windows += windows
        totals.recoveries += watch.recoveries
        totals.calm_recoveries += [each for each in watch.recoveries if judge.is_calm(each, faults)]
        totals.dropped = sum((collections.Counter(each) for each in watch.dropped.values()), collections.Counter())
        totals.answer_s_worst = watch.answer_s_worst
        totals.delay_s, totals.stall_s = max(totals.delay_s, watch.delay_s), max(totals.stall_s, watch.stall_s)
        watch.recoveries = []
        for said in reports.values():
            totals.requests += said["offered"]
            for what, key in (("admitted", "allowed"), ("denied", "denied"), ("lost", "lost"), ("sent elsewhere", "redirected")):
                totals.outcomes[what] += said[key]
        quiet = [window.over for window in windows if window.bound.quiet]
        disturbed = [window.over for window in windows if not window.bound.quiet]
        self._tell(f"round {number}: converged {took_s:.2f} s after the last fault; {sum(said['offered'] for said in reports.values())} requests, "
                   f"at worst {max(disturbed, default=0)} beyond a limit, {max(quiet, default=0)} in {len(quiet)} quiet windows")
        (self._directory / f"round-{number}.json").write_text(json.dumps(
            {"reports": reports, "faults": [vars(fault) for fault in faults], "healed_at": healed_at}), encoding="utf-8")
        self._raise(reasons)

    def _raise(self, reasons):
        reasons = [*self.trouble, *reasons]
        if reasons:
            raise Broken(reasons)

    def _equal_ledger(self, kind, until):
        """(what all nodes count for these callers, reasons): once they count the same."""
        while True:
            views = [[ledger_view(slot.node, principal(kind, caller), kind.name) for caller in range(kind.callers)]
                     for slot in self._site.slots]
            if all(view == views[0] for view in views):
                return sum(sum(each.values()) for each in views[0]), []
            if time.monotonic() > until:
                break
            self._wait(0.1)
        sums = {slot.name: sum(sum(each.values()) for each in view) for slot, view in zip(self._site.slots, views)}
        return max(sums.values()), [f"the views of {kind.name} did not become equal within {self._options.converge_s:g} s: {sums}"]

    # --- convergence

    def _converge(self):
        """Until all nodes agree on who is there and on what holds; how long that took."""
        began = time.monotonic()
        self._wait_until(lambda: not self._disagreement(), self._options.converge_s, lambda: f"after the faults: {self._disagreement()}")
        return time.monotonic() - began

    def _disagreement(self):
        slots = self._site.slots
        for slot in slots:
            if slot.state != "up":
                return f"{slot.name} is {slot.state}"
        try:
            for slot in slots:
                others = sorted(other.name for other in slots if other is not slot)
                if slot.node.alive_peers() != others:
                    return f"{slot.name} sees {', '.join(slot.node.alive_peers()) or 'nobody'} alive, expected {', '.join(others)}"
            statuses = [slot.node.status() for slot in slots]
            for slot, status in zip(slots, statuses):
                if not status["ready"] or status["isolated"]:
                    return f"{slot.name} is not ready, or thinks that it is isolated"
                if status["reload_error"]:
                    return f"{slot.name} refuses its rules: {status['reload_error']}"
            for what, told in (("rules", [rules_of(status) for status in statuses]),
                               ("overrides", [slot.node.get("/v1/overrides").json()["overrides"] for slot in slots]),
                               ("keys", [keys.ids(status) for status in statuses])):
                odd = [slot.name for slot, each in zip(slots, told) if each != told[0]]
                if odd:
                    return f"{slots[0].name} and {', '.join(odd)} have different {what}"
        except (OSError, AssertionError) as problem:
            return repr(problem)
        return None

    # --- ends

    def _memory(self):
        reasons = []
        for (name, pid), rows in sorted(self._watch.samples.items()):
            row, found = judge.judge_memory(rows, warm_up_s)
            reasons += [f"{name} (process {pid}): {reason}" for reason in found]
            if row and row["minutes"] * 60 > 0.5 * self._options.seconds:
                self.totals.memory.append((name, row))
        self._raise(reasons)

    def _stop_all(self):
        slots = self._site.slots
        with self._site.lock:
            for slot in slots:
                slot.state = "leaving"
        for slot in slots:
            slot.node.signal(15)
        codes = {slot.name: slot.node.wait_exit() for slot in slots}
        self._raise([f"{name}: expected exit code 0 in the end, found {code}" for name, code in codes.items() if code != 0])
        self._raise(self._read_logs())
        self._tell("all nodes stopped gracefully")

    def _read_logs(self):
        reasons = []
        for slot in self._site.slots:
            path = self._directory / f"{slot.name}.log"
            with open(path, encoding="utf-8", errors="replace") as log:
                log.seek(self._logs_read.get(path, 0))
                lines = log.read().splitlines()
                self._logs_read[path] = log.tell()
            reasons += judge.judge_log(slot.name, lines, self.totals.faults)
        return reasons

    def _close(self):
        for each in (self._watch, self._loads, self._links, self._site, self._network):
            if each is not None:
                each.close()

    # --- time

    def _later(self, seconds, what, *arguments):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), what, arguments))

    def _step(self):
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, what, arguments = heapq.heappop(self._due)
            what(*arguments)
        self._actions.look_at_starts()
        if self._loads is not None and self._loads.ended():
            raise Broken([self._loads.ended()])
        time.sleep(step_s)

    def _wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._step()
            if self.trouble:
                self._raise([])

    def _wait_until(self, condition, seconds, otherwise):
        until = time.monotonic() + seconds * patience()
        while not condition():
            if time.monotonic() > until:
                self._raise([f"expected all to be well within {seconds:g} s; {otherwise()}"])
            self._wait(0.05)


def rules_of(status):
    """What the files say, without where they were read. What was set while running is compared as overrides."""
    told_elsewhere = ("from", "live_limits", "live_count")
    return [{key: value for key, value in rule.items() if key not in told_elsewhere} for rule in status["rules"]]
