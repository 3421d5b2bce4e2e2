"""Looks at every node all the time: does it answer in time, when is it ready, what does it tell, what does it hold of memory."""

import collections
import os
import re
import threading
import time

from chaos.rules import kinds, principal
from chaos.site import ledger_view
from harness import patience

ready_pause_s, answer_pause_s, status_pause_s, sample_pause_s = 0.02, 0.2, 1.0, 1.0
answer_s_max = 5.0          # of a node that runs; times STARLING_TEST_PATIENCE, for slow machines and sanitizers
settled_s = 2.0             # after a start or SIGCONT, until answers in time are demanded


Sample = collections.namedtuple("Sample", "at kib descriptors threads resting")


class Recovery:
    """`crowd`: counters that its peers held for good when it started; `counters`: what it held when it was ready."""

    def __init__(self, slot, ready_at, counted, counters, crowd):
        self.counters, self.crowd = counters, crowd
        self.name, self.fault = slot.name, slot.fault
        self.began, self.ready_at = slot.started_at, ready_at
        self.floor, self.counted = slot.floor, counted

    def seconds(self):
        return self.ready_at - self.began


class Watch:
    """`recoveries`, `samples` (life -> rows), `dropped` (life -> reason -> packets), `delay_s` since `forget`, `trouble`."""

    def __init__(self, site, trouble):
        self._site, self.trouble = site, trouble
        self.resting = False      # nobody asks for anything
        self.crowd = 0
        self._ending = threading.Event()
        self.recoveries, self.samples, self.dropped = [], {}, {}
        self.delay_s = self.stall_s = self.answer_s_worst = 0.0
        self._threads = [threading.Thread(target=self._look, args=[slot], daemon=True) for slot in site.slots]
        self._threads.append(threading.Thread(target=self._sample, daemon=True))
        for thread in self._threads:
            thread.start()

    def forget(self):
        self.delay_s = self.stall_s = 0.0

    def close(self):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _look(self, slot):
        status_at = 0.0
        while not self._ending.is_set():
            node, state, since = slot.node, slot.state, slot.since
            pause_s = answer_pause_s
            try:
                if state == "starting":
                    pause_s = ready_pause_s
                    if node.get("/readyz").status == 200:
                        self._on_ready(slot)
                elif state == "up":
                    self._ask(slot, node)
                    if time.monotonic() > status_at:
                        status_at = time.monotonic() + status_pause_s
                        self._on_status(slot, node.status())
            except (OSError, AssertionError, ValueError) as problem:
                same = (slot.node, slot.state, slot.since) == (node, state, since)
                if same and (state == "up" or state == "stopped" and not node.running()):
                    self.trouble.append(f"{slot.name} is {state} and does not answer: {problem!r}")
                    self._ending.wait(1.0)
            self._ending.wait(pause_s)

    def _ask(self, slot, node):
        state, since, began = slot.state, slot.since, time.monotonic()
        answer = node.get("/readyz")
        took_s = time.monotonic() - began
        if (slot.node, slot.state, slot.since) != (node, state, since) or began < since + settled_s:
            return
        self.answer_s_worst = max(self.answer_s_worst, took_s)
        if took_s > answer_s_max * patience():
            self.trouble.append(f"{slot.name} took {took_s:.2f} s to answer, expected at most {answer_s_max * patience():g} s")
        if answer.status != 200:
            self.trouble.append(f"{slot.name} runs and is not ready: {answer}")

    def _on_ready(self, slot):
        ready_at = time.time()
        kind = next(each for each in kinds if each.name == "over")
        counted = sum(ledger_view(slot.node, principal(kind, 0), kind.name).values())
        counters = slot.node.status()["counters"]["used"]
        with self._site.lock:
            self.recoveries.append(Recovery(slot, ready_at, counted, counters, self.crowd))
            slot.state, slot.since = "up", time.monotonic()
            self._site.lead()
            if slot.fault is not None:
                slot.fault.ended = time.time()
                slot.fault = None

    def _on_status(self, slot, status):
        self.delay_s = max(self.delay_s, status["peer_delay_ms"] / 1000)
        self.dropped[slot.name, status["node"]["origin"]] = {
            reason: count for reason, count in status["datagrams"]["dropped"].items() if count}

    def _sample(self):
        next_at = time.monotonic()
        while not self._ending.is_set():
            began = time.monotonic()
            self._ending.wait(0.01)
            self.stall_s = max(self.stall_s, time.monotonic() - began - 0.01)
            if time.monotonic() < next_at:
                continue
            next_at = time.monotonic() + sample_pause_s
            for slot in self._site.slots:
                row = slot.node and slot.state == "up" and of_process(slot.pid())
                if row:
                    self.samples.setdefault((slot.name, slot.pid()), []).append(Sample(time.monotonic(), *row, self.resting))


def of_process(pid):
    """(resident KiB, descriptors, threads), or None."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            found = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status.read(), re.MULTILINE))
        return int(found["VmRSS"]), len(os.listdir(f"/proc/{pid}/fd")), int(found["Threads"])
    except (OSError, KeyError):
        return None
