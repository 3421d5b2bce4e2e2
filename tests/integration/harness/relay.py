"""A man in the middle of two nodes: passes datagrams on or swallows them, keeps a copy, and can send what it likes.

Node A knows node B as `near_b` and B knows A as `near_a`; both addresses are sockets of the relay:

    A  <-- near_b ... near_a -->  B

What A sends to near_b leaves from near_a towards B, on the same port, and the other way round.
"""

import select
import socket
import threading

from .node import HEARTBEAT_PORT, SYNC_PORT

recorded_max = 4000


class Relay:
    def __init__(self, address_a, address_b, near_a, near_b):
        self._nodes = {near_b: address_a, near_a: address_b}    # whom a socket of ours talks to
        self._others = {near_b: near_a, near_a: near_b}
        self._sockets = {}
        for address in (near_a, near_b):
            for port in (SYNC_PORT, HEARTBEAT_PORT):
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.bind((address, port))
                opened.setblocking(False)
                self._sockets[address, port] = opened
        self.recorded = {SYNC_PORT: [], HEARTBEAT_PORT: []}
        self.blocked_ports = set()      # what arrives on these is swallowed
        self.swallowed_count = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, near, port, datagram):
        """To the node that knows `near`, from there."""
        self._sockets[near, port].sendto(datagram, (self._nodes[near], port))

    def close(self):
        self._ending.set()
        self._thread.join()
        for opened in self._sockets.values():
            opened.close()

    def _run(self):
        places = {opened: place for place, opened in self._sockets.items()}
        while not self._ending.is_set():
            for opened in select.select(list(places), [], [], 0.05)[0]:
                near, port = places[opened]
                try:
                    datagram = opened.recv(65536)
                    if len(self.recorded[port]) < recorded_max:
                        self.recorded[port].append(datagram)
                    if port in self.blocked_ports:
                        self.swallowed_count += 1
                    else:
                        self.send(self._others[near], port, datagram)
                except OSError:
                    continue  # the other node is not there (yet); UDP may lose it
