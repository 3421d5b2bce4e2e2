"""Child processes that cannot outlive the process that started them, however that one ends."""

import asyncio
import ctypes
import os
import signal
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_pr_set_pdeathsig = 1
_clone_newns = 0x00020000
_ms_bind, _ms_rec, _ms_private = 4096, 16384, 1 << 18


def die_with_parent():
    """Runs in the child before exec. The kernel kills the child when the thread that started it ends, by kill -9 too."""
    _libc.prctl(_pr_set_pdeathsig, signal.SIGKILL)


def see_file(path, instead_of):
    """Runs in the child before exec: what it and its children read at `instead_of` is `path`; nobody else notices."""
    if _libc.unshare(_clone_newns) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for source, target, flags in (("none", "/", _ms_rec | _ms_private), (path, instead_of, _ms_bind)):
        if _libc.mount(source.encode(), target.encode(), None, flags, None) != 0:
            raise OSError(ctypes.get_errno(), f"mount {target}")


def spawn(command, log_path, environment=None, before_exec=None, **more):
    """Starts `command`; what it says is appended to `log_path`. Ctrl-C at the terminal does not reach it."""
    def prepare():
        die_with_parent()
        if before_exec is not None:
            before_exec()

    with open(log_path, "ab") as log:
        return subprocess.Popen([str(part) for part in command], env=environment, preexec_fn=prepare, start_new_session=True,
                                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **more})


async def exited(process):
    """Until the process has ended; its exit code, or minus the signal."""
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    return process.wait()


def last_lines(path, count=15):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return log.read().splitlines()[-count:]
    except OSError:
        return []
