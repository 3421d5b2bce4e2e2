"""A program on a real pseudo-terminal: what it writes, what is typed, how large its window is."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios

from .waiting import wait_until


class Terminal:
    def __init__(self, command, environment, rows=24, columns=100):
        self.text = ""
        self._status = None
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self._fd, text.encode())

    def read(self):
        """All that has come so far."""
        while select.select([self._fd], [], [], 0)[0]:
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:  # Linux says EIO when the program has ended
                break
            if not chunk:
                break
            self.text += chunk.decode(errors="replace")
        return self.text

    def wait_for(self, words, behind=0):
        """Until `words` were written behind that place; returns the place after them."""
        wait_until(f"{words!r} on the terminal, where there was {self.text[behind:][-2000:]!r}",
                   lambda: words in self.read()[behind:])
        return self.text.index(words, behind) + len(words)

    def wait_exit(self):
        """The exit code, or minus the signal."""
        def ended():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
            return pid
        wait_until("the program to end", ended)
        self.read()  # its last words, if they came between the two looks
        return self._status

    def close(self):
        if self._status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self._fd)
