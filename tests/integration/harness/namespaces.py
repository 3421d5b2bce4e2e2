"""Tests on a network of their own: namespaces, a bridge and its faults, as `scripts/lib/cluster/network.py` tells."""

from . import shared  # noqa: F401  the folder with scripts/lib/cluster becomes importable
from cluster.network import Network, why_not

from .case import ClusterCase

service = "starling-peers.test.svc.cluster.local"


class NetworkCase(ClusterCase):
    """Five nodes, each on a host of its own with the standard ports, that find each other by a DNS name."""

    nodes_count = 5

    def make_subnet(self):
        return Network(self.nodes_count)

    def cluster_by_name(self, dual_stack=False, **settings):
        numbers = range(1, self.nodes_count + 1)
        addresses = [self.subnet.host(number) for number in numbers]
        addresses += [self.subnet.host_v6(number) for number in numbers if dual_stack]
        self.dns().set(service, addresses)
        return self.cluster(self.nodes_count, neighborhood_host=service + ".", dns_servers=self.dns().server, bind="*",
                            **settings)


__all__ = ["Network", "NetworkCase", "service", "why_not"]
