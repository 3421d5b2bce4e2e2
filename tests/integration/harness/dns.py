"""The DNS server of the tests: `scripts/lib/cluster/dns.py`, on a port that needs no rights."""

from . import shared  # noqa: F401
from cluster.dns import DnsServer

__all__ = ["DnsServer"]
