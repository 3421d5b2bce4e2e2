"""A proxy's process: started in the foreground, its output in a log that a failed test shows, ended with the test."""

import os
import shutil
import subprocess

from harness.node import die_with_parent
from harness.waiting import patience
from harness import skip

end_deadline_s = 10.0
more_folders = ("/usr/sbin", "/usr/local/sbin")


def need(theme, *programs):
    """The paths of these programs. Without one of them the test file ends as skipped."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *more_folders))
    found = [shutil.which(program, path=path) for program in programs]
    missing = [program for program, where in zip(programs, found) if where is None]
    if missing:
        skip(f"expected {' and '.join(missing)}, found none; run scripts/interop --install --only {theme}")
    return found


def first_line_of(*command):
    """What a program says first, on stdout or stderr."""
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20 * patience(), check=False)
    return (said.stdout + said.stderr).strip().partition("\n")[0]


class Process:
    def __init__(self, command, log_path, environment=None):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)

    def check_running(self):
        assert self._process.poll() is None, f"expected the proxy to run, it ended with {self._process.poll()}:\n{self.log()}"

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(end_deadline_s * patience())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
