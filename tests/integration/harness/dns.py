"""The DNS server of the tests: `scripts/cluster_dns.py`, on a port that needs no rights."""

from . import shared  # noqa: F401
from cluster_dns import DnsServer

__all__ = ["DnsServer"]
