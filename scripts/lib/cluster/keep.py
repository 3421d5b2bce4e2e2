"""A cluster that outlives the command that started it: one per build folder, known by the process that holds it.

The holder is a child from the beginning, because what it starts ends with it. The command waits until the holder says that it
is kept, or ends.
"""

import json
import os
import pathlib
import signal
import sys
import time

stop_s_max = 60.0
poll_s = 0.05


def born(pid):
    """When a process was started, in the kernel's ticks: with the pid it names one process for ever. None: there is none."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return int(fields[19]) if fields[0] != "Z" else None
    except OSError:
        return None


class Kept:
    """What is known of the kept cluster, in `directory`/kept.json."""

    def __init__(self, directory):
        self._path = pathlib.Path(directory) / "kept.json"

    def read(self):
        """What the holder wrote, if it lives."""
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            return said if born(said["pid"]) == said["born"] else None
        except (OSError, ValueError, KeyError):
            return None

    def write(self, **said):
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"pid": os.getpid(), "born": born(os.getpid()), **said}), encoding="utf-8")
        fresh.replace(self._path)

    def forget(self):
        self._path.unlink(missing_ok=True)

    def stop(self):
        """True if there was one and it is gone now; TimeoutError if it does not go."""
        said = self.read()
        if said is None:
            self.forget()
            return False
        os.kill(said["pid"], signal.SIGTERM)
        ends = time.monotonic() + stop_s_max
        while born(said["pid"]) == said["born"]:
            if time.monotonic() > ends:
                raise TimeoutError(f"expected process {said['pid']} to end within {stop_s_max:g} s, it runs on")
            time.sleep(poll_s)
        return True


def in_child(body):
    """Runs `body(detach)` in a child with a session of its own; returns its exit code, or the one it has called `detach`
    with, after which it goes on by itself. Signals to the caller are passed on."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()

        def detach(code, log_path):
            log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            sys.stdout.flush()
            sys.stderr.flush()
            for stream in (1, 2):
                os.dup2(log, stream)
            os.close(log)
            os.write(writing, bytes([code]))
            os.close(writing)

        os._exit(body(detach))
    os.close(writing)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    with os.fdopen(reading, "rb") as told:
        if code := told.read(1):
            return code[0]
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
