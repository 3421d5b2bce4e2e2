"""The clients of scripts/cluster: open-loop load on a gateway and on the nodes, and what each window was answered.

Request number i is due at start + i / rate, whatever happened to those before it. Each has a connection to itself while it
is under way; connections are kept, and those to the nodes only for some requests, so that every node gets its share of the
Service. A kept connection that closes before the first byte of an answer is no failure but a race that every client knows:
the request is sent once more.

A process of its own. stdin: a line of JSON with what to do, later one with `stop`; stdout: a line of JSON every second, and
at the end the account, whose times are those of the wall clock, as windows are.
"""

import array
import asyncio
import collections
import json
import re
import sys
import time

tick_s = 0.001
connections_max = 512            # per target
answer_timeout_s = 5.0
drain_s = 6.0
head_bytes_max = 64 * 1024

_content_length = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_counted = re.compile(rb"\r\nx-ratelimit-limit:", re.IGNORECASE)
_closing = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class Connection(asyncio.Protocol):
    def __init__(self, target):
        self.target = target
        self.served = 0
        self.question = None      # the request under way
        self._transport = None
        self._in = bytearray()

    def connection_made(self, transport):
        self._transport = transport

    def ask(self, question):
        self.question = question
        self._transport.write(self.target.request)

    def data_received(self, data):
        self._in += data
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            return self._transport.abort() if len(self._in) > head_bytes_max else None
        head = bytes(self._in[:end + 2])
        length = _content_length.search(head)
        if len(self._in) < end + 4 + (int(length[1]) if length else 0) or self.question is None:
            return None
        self._in.clear()
        self.served += 1
        question, self.question = self.question, None
        last = _closing.search(head) or (self.target.requests_max and self.served >= self.target.requests_max)
        if last:
            self._transport.close()
        self.target.on_answer(self, question, head, not last)
        return None

    def connection_lost(self, error):
        question, self.question = self.question, None
        self.target.on_lost(self, question, unanswered=not self._in, error=error)

    def abort(self):
        self._transport.abort()


class Question:
    __slots__ = ("sent_at", "repeated")

    def __init__(self):
        self.sent_at = time.time()
        self.repeated = False


class Target:
    """One of the places that are asked, and its account."""

    def __init__(self, account, said):
        self.account = account
        self.name, self._host, self._port = said["name"], said["host"], said["port"]
        self.requests_max = said.get("requests_per_connection", 0)
        headers = "".join(f"{key}: {value}\r\n" for key, value in said.get("headers", {}).items())
        self.request = f"GET {said['path']} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode()
        self.offered = self.retried = 0
        self.outcomes = collections.Counter()
        self.under_way = set()
        self._idle = []
        self._open = 0

    def can_ask(self):
        return bool(self._idle) or self._open < connections_max

    def ask(self):
        self.offered += 1
        question = Question()
        self.account.on_sent(question)
        self._send(question)

    def _send(self, question):
        self.under_way.add(question)
        if self._idle and not question.repeated:
            self._idle.pop().ask(question)
        else:
            self._open += 1
            asyncio.ensure_future(self._connect(question))

    async def _connect(self, question):
        try:
            _, connection = await asyncio.wait_for(asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self._host, self._port), answer_timeout_s)
        except (OSError, asyncio.TimeoutError) as problem:
            self._open -= 1
            return self._fail(question, f"connecting: {getattr(problem, 'strerror', None) or 'no answer'}")
        return connection.ask(question)

    def on_answer(self, connection, question, head, kept):
        if kept:
            self._idle.append(connection)
        self.under_way.discard(question)
        status = int(head[9:12])
        outcome = {200: "admitted" if _counted.search(head) else "uncounted", 429: "denied"}.get(status, str(status))
        self.outcomes[outcome] += 1
        self.account.on_answered(question, outcome)

    def on_lost(self, connection, question, unanswered, error):
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if question is None:
            return
        if unanswered and connection.served > 0 and not question.repeated:
            question.repeated = True
            self.retried += 1
            self._send(question)
        else:
            self._fail(question, f"the connection closed: {error or 'end of stream'}")

    def _fail(self, question, why):
        self.under_way.discard(question)
        self.outcomes["failed"] += 1
        self.account.problem(self.name, why)


class Account:
    def __init__(self, window_s):
        self._window_s = window_s
        self._windows = {}
        self._sent, self._answered, self._waits = (array.array("d") for _ in range(3))
        self.problems = collections.Counter()

    def window(self, when):
        number = int(when // self._window_s)
        return self._windows.setdefault(number, dict.fromkeys(("offered", "admitted", "denied", "edge", "unsure"), 0))

    def on_sent(self, question):
        self._sent.append(question.sent_at)
        self.window(question.sent_at)["offered"] += 1

    def on_answered(self, question, outcome):
        """What was asked in one window and answered in the next belongs to either: it is counted as `edge` as well. What got
        no answer, or none by a node, may have been counted all the same: `unsure`."""
        now = time.time()
        self._answered.append(now)
        self._waits.append(now - question.sent_at)
        window = self.window(now)
        if outcome not in ("admitted", "denied"):
            window["unsure"] += 1
            return
        window[outcome] += 1
        if outcome == "admitted" and int(question.sent_at // self._window_s) != int(now // self._window_s):
            window["edge"] += 1

    def problem(self, target, why):
        self.window(time.time())["unsure"] += 1
        self.problems[f"{target}: {why}"] += 1

    def windows(self, delay_s):
        """With `burst`: the most requests of a window that came, by sending or by answering, within `delay_s`."""
        for times in (self._sent, sorted(self._answered)):
            first = 0
            for last, when in enumerate(times):
                while times[first] < when - delay_s:
                    first += 1
                window = self.window(when)
                window["burst"] = max(window.get("burst", 0), last - first + 1)
        return [{"window": number, **found} for number, found in sorted(self._windows.items())]

    def waits_ms(self):
        waits = sorted(self._waits)
        return {name: round(1000 * waits[min(len(waits) - 1, int(len(waits) * share))], 2) if waits else None
                for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


async def drive(said, lines):
    account = Account(said["window_s"])
    targets = [Target(account, each) for each in said["targets"]]
    stop = asyncio.ensure_future(lines.readline())
    started, first_wall = time.monotonic(), time.time()
    asked = behind = 0
    tell_at = started + 1
    while not stop.done():
        now = time.monotonic()
        behind = int((now - started) * said["rate"]) + 1 - asked
        while behind > 0 and targets[asked % len(targets)].can_ask():
            targets[asked % len(targets)].ask()
            asked += 1
            behind -= 1
        if now >= tell_at:
            tell_at = now + 1
            say({"asked": asked, **{each.name: dict(each.outcomes) for each in targets}})
        await asyncio.sleep(tick_s)
    last_wall = time.time()
    ends = time.monotonic() + drain_s
    while any(each.under_way for each in targets) and time.monotonic() < ends:
        await asyncio.sleep(tick_s)
    for each in targets:
        each.outcomes["failed"] += len(each.under_way)
        if each.under_way:
            account.problem(each.name, "no answer")
    told = json.loads(stop.result() or b'{"delay_s": 0}')
    say({"first_wall": first_wall, "last_wall": last_wall, "not_sent": behind, "rate": said["rate"],
         "targets": [{"name": each.name, "offered": each.offered, "retried": each.retried, "outcomes": dict(each.outcomes)}
                     for each in targets],
         "windows": account.windows(told["delay_s"]), "wait_ms": account.waits_ms(),
         "problems": dict(account.problems.most_common(5))})


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await drive(json.loads(await lines.readline()), lines)


if __name__ == "__main__":
    asyncio.run(main())
