"""A process as a container runtime starts it, without a runtime: an own root that is read-only, mounts, one user without
capabilities and without any more groups than said, and no environment but what is given.

Its network is the test's own. Needs root. Its mounts are in a mount namespace that ends with the process.
"""

import ctypes
import os
import subprocess

from .node import die_with_parent
from .waiting import patience

node_uid = 65532

_libc = ctypes.CDLL(None, use_errno=True)
_clone_newns = 0x20000
_ms_rdonly, _ms_nosuid, _ms_remount, _ms_bind, _ms_rec, _ms_private = 1, 2, 32, 4096, 16384, 1 << 18
_pr_set_no_new_privs = 38


def why_not():
    """One sentence on what is missing for containers here, or None."""
    if os.geteuid() != 0:
        return f"expected root, which an own root needs, found user id {os.geteuid()}"
    try:
        subprocess.run(["true"], preexec_fn=_new_mounts, check=True)
    except (OSError, subprocess.SubprocessError):
        return "expected the right to make mount namespaces, found none"
    return None


class Container:
    """`root` is the folder of the image; `mounts` are {path inside: path outside}, all read-only but those in `writable`. A mount
    point that the image lacks is made in `root`, as runtimes do."""

    def __init__(self, root, environment, mounts=None, writable=(), uid=node_uid, gid=node_uid, groups=()):
        self._root, self._environment = str(root), environment
        self._mounts = {"/proc": "/proc", **{inside: str(outside) for inside, outside in (mounts or {}).items()}}
        self._writable, self._ids = writable, (uid, gid, list(groups))
        for inside, outside in self._mounts.items():
            point = self._root + inside
            if os.path.isdir(outside):
                os.makedirs(point, exist_ok=True)
            elif not os.path.exists(point):
                os.makedirs(os.path.dirname(point), exist_ok=True)
                with open(point, "w", encoding="ascii"):
                    pass

    def start(self, command, log_path):
        """A process that runs on; the caller ends it."""
        with open(log_path, "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                                    preexec_fn=self._enter, cwd="/")

    def run(self, *command):
        """A process that ends by itself, as by `kubectl exec`: the CompletedProcess, with text."""
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self._environment,
                              preexec_fn=self._enter, cwd="/", timeout=20 * patience(), check=False)

    def _enter(self):
        _new_mounts()
        _mount(self._root, self._root, _ms_bind)
        for inside, outside in self._mounts.items():
            _mount(outside, self._root + inside, _ms_bind | (_ms_rec if inside == "/proc" else 0))
            if inside not in self._writable and inside != "/proc":
                _mount(None, self._root + inside, _ms_bind | _ms_remount | _ms_rdonly | _ms_nosuid)
        _mount(None, self._root, _ms_bind | _ms_remount | _ms_rdonly | _ms_nosuid)
        os.chroot(self._root)
        os.chdir("/")
        uid, gid, groups = self._ids
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        _libc.prctl(_pr_set_no_new_privs, 1, 0, 0, 0)
        die_with_parent()  # a change of user forgets it, so not before


def _new_mounts():
    if _libc.unshare(_clone_newns) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(None, "/", _ms_rec | _ms_private)


def _mount(source, target, flags):
    if _libc.mount(source.encode() if source else None, target.encode(), None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} {target}: {os.strerror(ctypes.get_errno())}")

