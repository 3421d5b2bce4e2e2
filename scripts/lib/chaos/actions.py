"""What each fault does when it begins and ends, on real nodes. Called by the main thread, which must not wait for anybody."""

import signal
import subprocess
import threading
import time

from chaos import keys
from chaos.bounds import links_cut
from chaos.rules import bad_rules_text, principal, pushed
from chaos.rules import kinds as kinds_of_callers
from chaos.site import ledger_view, moved_by
from cluster.process import last_lines

exit_s_max = 20.0
errand_s_max = 20.0
start_again_s = 0.5


class Actions:
    """`later(seconds, what, *arguments)`: does something then. `trouble`: list of what should not have happened."""

    def __init__(self, site, links, binary, later, trouble, token_path, key_ring):
        self._site, self._links, self._binary, self._later, self.trouble = site, links, binary, later, trouble
        self._token_path, self._ring = token_path, key_ring
        self._active, self._errands = [], []
        self._versions = 0
        self._bad = set()         # slots whose rules file is a bad one
        self.rules_requests = None

    def begin(self, fault):
        fault.began = time.time()
        getattr(self, "_begin_" + fault.kind.replace("-", "_"))(fault)

    def end(self, fault):
        getattr(self, "_end_" + fault.kind.replace("-", "_"))(fault)

    def busy(self):
        """Whether something begun has not come to its end."""
        self._errands = [each for each in self._errands if each.is_alive()]
        return bool(self._active or self._errands or any(slot.state != "up" for slot in self._site.slots))

    # --- processes

    def start(self, slot, fault=None):
        with self._site.lock:
            slot.fault = fault
            slot.floor = max((self._counted(other) for other in self._site.slots if other.state == "up"), default=0)
            slot.started_at = time.time()
            self._site.start(slot)
            slot.state, slot.since = "starting", time.monotonic()

    def look_at_starts(self):
        """A node that finds a bad file when it starts ends and says so; as a kubelet would, it is started again."""
        for slot in self._site.slots:
            if slot.state != "starting" or slot.node.poll() is None:
                continue
            slot.state = "down"
            if slot.node.poll() == 1 and slot.number in self._bad:
                self._later(start_again_s, self.start, slot, slot.fault)
            else:
                self.trouble.append(f"{slot.name} ended with {slot.node.poll()} at its start: {last_lines(slot.node.log_path, 1)}")

    def _counted(self, slot):
        kind = next(each for each in kinds_of_callers if each.name == "over")
        try:
            return sum(ledger_view(slot.node, principal(kind, 0), kind.name).values())
        except (OSError, AssertionError):
            return 0

    def _begin_kill(self, fault):
        slot = self._slot(fault)
        slot.state = "down"
        slot.node.kill()
        self._site.lead()

    def _end_kill(self, fault):
        slot = self._slot(fault)
        if fault.what["moves"]:
            self._site.move(slot)
        self.start(slot, fault)

    def _begin_restart(self, fault):
        slot = self._slot(fault)
        slot.state = "leaving"
        self._site.lead()
        slot.node.signal(signal.SIGTERM)
        self._await_exit(fault, time.monotonic() + exit_s_max)

    def _await_exit(self, fault, until):
        slot = self._slot(fault)
        code = slot.node.poll()
        if code is None and time.monotonic() < until:
            return self._later(0.02, self._await_exit, fault, until)
        if code != 0:
            self.trouble.append(f"{slot.name}: expected exit code 0 after SIGTERM, found {code} (None: it runs on)")
            slot.node.close()
        slot.state = "down"
        return self._later(fault.lasts_s, self.start, slot, fault)

    def _end_restart(self, fault):
        pass      # when it has exited

    def _begin_stop(self, fault):
        slot = self._slot(fault)
        slot.state = "stopped"
        slot.node.pause()

    def _end_stop(self, fault):
        slot = self._slot(fault)
        slot.node.resume()
        slot.state, slot.since = "up", time.monotonic()
        fault.ended = time.time()

    def _slot(self, fault):
        return self._site.slots[fault.what["node"] - 1]

    # --- the network

    def _begin_network(self, fault):
        self._active.append(fault)
        self._apply_network()

    def _end_network(self, fault):
        self._active.remove(fault)
        self._apply_network()
        fault.ended = time.time()

    _begin_partition = _begin_alone = _begin_one_way = _begin_loss = _begin_unruly = _begin_network
    _end_partition = _end_alone = _end_one_way = _end_loss = _end_unruly = _end_network

    def _apply_network(self):
        network = self._site.network
        cut = set().union(*(links_cut(fault, len(self._site.slots)) for fault in self._active))
        losses = [fault.what["percent"] for fault in self._active if fault.kind == "loss"]
        unruly = [fault.what for fault in self._active if fault.kind == "unruly"]
        places = (0, moved_by)
        network.heal()
        if cut:
            network.cut(*((a + here, b + there) for a, b in sorted(cut) for here in places for there in places))
        for percent in losses:
            network.lose(percent)
        if unruly:
            network.leave_datagrams()
        self._links.set(unruly, losses, lambda a, b: (a % moved_by, b % moved_by) in cut)

    # --- DNS, clocks

    def _begin_dns(self, fault):
        self._active.append(fault)
        self._site.trouble_dns(fault.what["trouble"])

    def _end_dns(self, fault):
        self._active.remove(fault)
        self._site.mend_dns()
        fault.ended = time.time()

    def _begin_clock(self, fault):
        self._active.append(fault)
        self._site.step_clock(self._slot(fault), fault.what["offset_s"])

    def _end_clock(self, fault):
        self._active.remove(fault)
        self._site.step_clock(self._slot(fault), 0.0)
        fault.ended = time.time()

    # --- rules, overrides, keys

    def _begin_config(self, fault):
        """A rollout, node by node; before it, perhaps, a file that no node may take."""
        self._active.append(fault)
        self._versions += 1
        if fault.what["bad_before"]:
            for slot in self._site.slots:
                self._site.push_rules(slot, f"..v{self._versions}-bad", bad_rules_text())
                self._bad.add(slot.number)
        self.rules_requests = fault.what["requests"]
        for index, slot in enumerate(self._site.slots):
            self._later(fault.lasts_s * (index + 1) / (len(self._site.slots) + 1), self._push_rules, slot, self._versions)

    def _push_rules(self, slot, version):
        self._site.push_rules(slot, f"..v{version}", self._site.rules_text(slot, self.rules_requests))
        self._later(start_again_s, self._bad.discard, slot.number)      # who read the bad one just before may end yet

    def _end_config(self, fault):
        self._active.remove(fault)
        fault.ended = time.time()

    def _begin_override(self, fault):
        wanted = fault.what["node"]
        order = self._site.slots[wanted - 1:] + self._site.slots[:wanted - 1]
        slot = next((each for each in order if each.state == "up"), None)
        if slot is None:
            fault.ended = time.time()
            return
        who = f"principal={pushed}-{fault.what['principal']:04d}"
        command = [self._binary, "override", "set" if fault.what["requests"] else "delete", "--server", f"http://{slot.node.address}:9090",
                   "--token-file", self._token_path, "--rule", pushed, "--match", who]
        if fault.what["requests"]:
            command += ["--limit", f"{fault.what['requests']}/4s"]
        self._errand(self._override, fault, slot, command)

    def _override(self, fault, slot, command):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=errand_s_max, check=False)
        fault.ended = time.time()
        excused = slot.state != "up" or (not fault.what["requests"] and "answered 404" in result.stderr)
        if result.returncode != 0 and not excused:
            self.trouble.append(f"{slot.name}: {fault.story()} failed with {result.returncode}: {' '.join(result.stderr.split())}")

    def _end_override(self, fault):
        pass

    def _begin_keys(self, fault):
        self._active.append(fault)
        self._errand(self._rotate, fault)

    def _rotate(self, fault):
        try:
            keys.rotate(self._site, self._ring, fault.lasts_s)
        except keys.NotTaken as problem:
            self.trouble.append(str(problem))
        self._active.remove(fault)
        fault.ended = time.time()

    def _end_keys(self, fault):
        pass      # when all nodes have the last ring

    def _errand(self, what, *arguments):
        def run():
            try:
                what(*arguments)
            except Exception as problem:   # a thread's end must not go unnoticed, whatever it was
                self.trouble.append(f"{what.__name__.strip('_')}: {problem!r}")
        thread = threading.Thread(target=run, daemon=True)
        self._errands.append(thread)
        thread.start()
