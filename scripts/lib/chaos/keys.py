"""The keys that packets are sealed with, and their rotation over a cluster that lives: three steps, each node by node.

K1 -> K1,K2 everywhere -> K2,K1 everywhere -> K2: a step begins when every node that runs has taken the one before. A node that
is down reads the file when it starts; one that stands still holds the rotation up, as it would hold up a person.
"""

import base64
import random
import threading
import time

taken_s_max = 30.0
poll_s = 0.05


class NotTaken(Exception):
    """A node goes on with other keys than its file says."""


class Ring:
    def __init__(self, seed):
        self._dice = random.Random(f"keys {seed}")
        self.keys = [self._draw()]
        self.version = 0
        self.turn = threading.Lock()  # of rotations: one that a node holds up is not overtaken by the next

    def text(self):
        return "".join(key + "\n" for key in self.keys)

    def successor(self):
        """The rings of the three steps."""
        old, new = self.keys[0], self._draw()
        return [[old, new], [new, old], [new]]

    def _draw(self):
        return base64.b64encode(self._dice.randbytes(32)).decode("ascii")


def write(site, slot, ring):
    site.push(f"keys-{slot.number}", f"..v{ring.version}", "keys", ring.text(), mode=0o600)


def rotate(site, ring, seconds):
    with ring.turn:
        _rotate(site, ring, seconds)


def _rotate(site, ring, seconds):
    pause_s = seconds / (3 * len(site.slots))
    expected = [lambda ids, old: len(ids) == 2 and ids[:1] == old, lambda ids, old: len(ids) == 2 and ids[1:] == old,
                lambda ids, old: len(ids) == 1 and ids != old]
    old = _told_by_anybody(site)
    for keys, as_expected in zip(ring.successor(), expected):
        ring.keys, ring.version = keys, ring.version + 1
        for slot in site.slots:
            write(site, slot, ring)
            time.sleep(pause_s)
        until = time.monotonic() + taken_s_max
        while missing := [slot.name for slot in site.slots if not _taken(slot, lambda ids, right=as_expected: right(ids, old))]:
            if time.monotonic() > until:
                raise NotTaken(f"expected all nodes to take ring {ring.version} of {len(keys)} keys, {', '.join(missing)} did not")
            time.sleep(poll_s)


def _told_by_anybody(site):
    until = time.monotonic() + taken_s_max
    while not (told := next((ids for slot in site.slots if (ids := _ids_told(slot))), None)):
        if time.monotonic() > until:
            raise NotTaken(f"expected a node to tell its keys within {taken_s_max:g} s, none did")
        time.sleep(poll_s)
    return told


def _taken(slot, as_expected):
    """Whoever is not there reads the file when it starts. Who starts or stands still may not have read it."""
    return slot.state == "down" or as_expected(_ids_told(slot) or [])


def _ids_told(slot):
    if slot.state != "up":
        return None
    try:
        return ids(slot.node.status())
    except (OSError, AssertionError):
        return None


def ids(status):
    """Ids of the keys that a node holds, the one that it seals with first; none where it has no such thing."""
    return status.get("keys", {}).get("ids", [])
