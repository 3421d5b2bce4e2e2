"""A loopback network of one's own: 127.A.B.0/24, claimed for as long as the object lives.

The claim is a listening socket on a fixed port of host 254. The kernel gives it to one process and takes it back when
that process ends however it ends, so no lock file can go stale. The search starts at a place derived from the pid.
"""

import os
import socket

claim_port = 4289
first_network, last_network = 64, 250     # 127.64.x.x to 127.250.x.x: away from 127.0.0.x, which people and demos use
networks_count = (last_network - first_network + 1) * 256


class Subnet:
    _next = os.getpid() * 7919

    def __init__(self):
        for _ in range(networks_count):
            Subnet._next += 1
            index = Subnet._next % networks_count
            self._prefix = f"127.{first_network + index // 256}.{index % 256}"
            self._claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self._claim.bind((self.host(254), claim_port))
                self._claim.listen()
                return
            except OSError:
                self._claim.close()
        raise AssertionError("expected a free network 127.x.y.0/24, found all of them claimed")

    def host(self, number):
        return f"{self._prefix}.{number}"

    def enter(self, number):
        """Takes a child of the test to host `number` before exec. Loopback hosts are all this machine: it is there."""

    def close(self):
        self._claim.close()
