"""Links between hosts that delay, repeat, reorder and damage datagrams, where the kernel has no netem.

The bridge drops what passes between hosts (nftables), and this carries it instead: each frame is seen as it comes in at its
host's port, before the bridge has it, and put out at the port of the host it is for, when it is due, or twice, or with a bit
turned over. The UDP checksum is taken off (RFC 768 allows it), so that damage gets as far as the node, which has to notice
by its seal. Plain packets have no other guard than that checksum: what is damaged of them is lost, as the kernel would have it.
"""

import heapq
import itertools
import random
import select
import socket
import struct
import threading
import time

all_protocols = 0x0003
ethernet_bytes, ipv4, udp = 14, b"\x08\x00", 17
frame_bytes_max = 2048
waiting_max = 20_000           # frames; beyond it they are lost, as in a full queue of a switch
idle_s = 0.05


class Links:
    """`hosts`: numbers of hosts on the bridge. Carries while there are faults to `set`; the bridge must pass no datagram meanwhile."""

    def __init__(self, hosts, seed, sealed):
        self._sealed, self._dice = sealed, random.Random(f"links {seed}")
        self._ports = {f"n{number}": number for number in hosts}     # of the bridge
        self._to = {bytes.fromhex(f"0277000000{number:02x}"): f"n{number}" for number in hosts}
        self._waiting, self._order = [], itertools.count()
        self._faults = []      # those in force: dictionaries as schedule.py draws them
        self._losses = []      # in percent, as the bridge would lose them
        self._cut = lambda a, b: False
        self._socket = self._thread = None
        self._lock = threading.Lock()
        self.carried_count = self.damaged_count = 0
        self._ending = False

    def set(self, faults, losses, cut):
        """`cut(a, b)`: nothing passes from host a to host b."""
        with self._lock:
            self._faults, self._losses, self._cut = list(faults), list(losses), cut
        if faults and self._thread is None:
            self._ending = False
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(all_protocols))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._socket.setblocking(False)
            self._thread = threading.Thread(target=self._carry, daemon=True)
            self._thread.start()
        elif not faults and self._thread is not None:
            self.close()

    def close(self):
        if self._thread is not None:
            self._ending = True
            self._thread.join()
            self._thread = None
            self._socket.close()

    def _carry(self):
        while not self._ending:
            wait_s = min(idle_s, max(0.0, self._waiting[0][0] - time.monotonic())) if self._waiting else idle_s
            if select.select([self._socket], [], [], wait_s)[0]:
                self._take()
            self._put(time.monotonic())
        self._put(float("inf"))

    def _take(self):
        while True:
            try:
                frame, (port, _, kind, _, _) = self._socket.recvfrom(frame_bytes_max)
            except BlockingIOError:
                return
            target = self._to.get(frame[:6])
            if kind == socket.PACKET_OUTGOING or target is None or port not in self._ports or target == port:
                continue
            if frame[12:14] != ipv4 or frame[ethernet_bytes + 9] != udp:
                continue
            with self._lock:
                faults, cut = self._faults, self._cut(self._ports[port], self._ports[target])
                cut = cut or any(self._dice.random() * 100 < percent for percent in self._losses)
            if not cut and len(self._waiting) < waiting_max:
                self._schedule(bytearray(frame), target, faults)

    def _schedule(self, frame, target, faults):
        dice, due = self._dice, time.monotonic()
        copies, damaged = 1, False
        header_bytes = (frame[ethernet_bytes] & 0x0F) * 4
        payload_at = ethernet_bytes + header_bytes + 8
        struct.pack_into("!H", frame, payload_at - 2, 0)
        for each in faults:
            due += (each["delay_ms"] + dice.uniform(0, each["jitter_ms"])) / 1000
            if dice.random() * 100 < each["late_percent"]:
                due += 0.05
            copies += dice.random() * 100 < each["twice_percent"]
            if dice.random() * 100 < each["damaged_percent"] and payload_at < len(frame):
                frame[dice.randrange(payload_at, len(frame))] ^= 1 << dice.randrange(8)
                damaged = True
        if damaged and not self._sealed:
            return
        self.damaged_count += copies if damaged else 0
        for copy in range(copies):
            heapq.heappush(self._waiting, (due + copy * dice.uniform(0, 0.1), next(self._order), target, bytes(frame)))

    def _put(self, until):
        while self._waiting and self._waiting[0][0] <= until:
            _, _, port, frame = heapq.heappop(self._waiting)
            try:
                self._socket.sendto(frame, (port, 0))
                self.carried_count += 1
            except OSError:
                pass      # a full queue of the device: lost, as on a real one
