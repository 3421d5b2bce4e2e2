"""The cluster's Services, as kube-proxy and CoreDNS keep them: a virtual address by nftables, a headless name by DNS.

The client Service's address leads to one of the ready pods, drawn for each new connection; connections that exist stay with
their pod (the kernel remembers the translation) even when the pod is no endpoint any more. Without a ready pod those that
terminate and still pass their probe are taken (KEP-1669), and without any connections are refused. The headless name lists
every pod that is not gone, ready or not (`publishNotReadyAddresses`).

Both follow the truth late, each by its own lag drawn for every change: what a change looked like when it happened is
applied later, and never over a newer one.
"""

import asyncio
import contextlib
import random

from cluster import network as cluster_network
from cluster.network import run
from cluster.place import domain

cluster_ip = "10.96.0.10"
service_port = 8080
service_name, peers_name = f"starling.{domain}", f"starling-peers.{domain}"

# Chains of kube-proxy's nftables mode, with one Service in them.
_ruleset = f"""
table ip services {{
  chain endpoints {{
  }}
  chain prerouting {{
    type nat hook prerouting priority -100
    ip daddr {cluster_ip} tcp dport {service_port} goto endpoints
  }}
  chain output {{
    type nat hook output priority -100
    ip daddr {cluster_ip} tcp dport {service_port} goto endpoints
  }}
  chain nobody_forward {{
    type filter hook forward priority 0
    ip daddr {cluster_ip} tcp dport {service_port} reject with tcp reset
  }}
  chain nobody_output {{
    type filter hook output priority 0
    ip daddr {cluster_ip} tcp dport {service_port} reject with tcp reset
  }}
}}
table bridge traffic {{
  counter gossip {{ }}
  chain forward {{
    type filter hook forward priority -10
    meta protocol ip ip protocol udp counter name gossip
    meta protocol ip6 ip6 nexthdr udp counter name gossip
  }}
}}
"""


def why_not():
    """One sentence on what is missing here for such a cluster, or None."""
    problem = cluster_network.why_not()
    if problem is None:
        try:
            with contextlib.closing(cluster_network.Network(1)) as network:
                network.add_routed(1)
                run("nft", "-f", "-", text=_ruleset + _leading_to([network.host(1), network.host(2)]))
        except (cluster_network.Unavailable, OSError) as missing:
            problem = str(missing)
    return problem


def _leading_to(addresses):
    lines = ["flush chain ip services endpoints"]
    if addresses:
        places = ", ".join(f"{index} : {address}" for index, address in enumerate(addresses))
        lines.append("add rule ip services endpoints meta l4proto tcp dnat to "
                     f"numgen random mod {len(addresses)} map {{ {places} }}")
    return "\n".join(lines) + "\n"


class Services:
    def __init__(self, network, dns, lag_s, ipv6, tell):
        self._network, self._dns, self._lag_s, self._ipv6, self._tell = network, dns, lag_s, ipv6, tell
        self._applied = {}       # proxy, dns -> number of the newest change applied
        self._changes_count = 0
        self._tasks = set()
        self.endpoints = []      # addresses that the virtual address leads to now
        run("ip", "route", "add", f"{cluster_ip}/32", "dev", "bridge")
        run("nft", "-f", "-", text=_ruleset)
        dns.set(service_name, [cluster_ip])

    def update(self, pods):
        """The pods are like this now; clients and nodes hear of it after the lag."""
        self._changes_count += 1
        ready = [pod.address for pod in pods if pod.ready] or [pod.address for pod in pods if pod.serving]
        listed = [pod.address for pod in pods if not pod.gone]
        if self._ipv6:
            listed += [self._network.host_v6(pod.number) for pod in pods if not pod.gone]
        for what, apply, value in (("proxy", self._lead_to, ready), ("dns", self._list, listed)):
            task = asyncio.create_task(self._later(what, self._changes_count, apply, value))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self):
        """Until everything that has changed so far is known everywhere."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def gossip(self):
        """(packets, bytes) that pods have sent to pods so far."""
        answer = run("nft", "list counter bridge traffic gossip").split()
        return int(answer[answer.index("packets") + 1]), int(answer[answer.index("bytes") + 1])

    async def _later(self, what, number, apply, value):
        await asyncio.sleep(random.uniform(*self._lag_s))
        if number > self._applied.get(what, 0):
            self._applied[what] = number
            apply(value)

    def _lead_to(self, addresses):
        if addresses == self.endpoints:
            return
        self.endpoints = addresses
        run("nft", "-f", "-", text=_leading_to(addresses))
        self._tell(f"the Service leads to {len(addresses)} pods")

    def _list(self, addresses):
        self._dns.change(peers_name, addresses)
