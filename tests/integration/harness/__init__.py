"""Real `starling node` processes for tests: start them, talk to them, disturb them, always clean up.

Each test claims a loopback network of its own (127.x.y.0/24) or makes one of network namespaces, so that tests use the
standard ports, run beside each other and can be repeated at once. Nothing here sleeps for luck: `wait_until` waits on a
condition with a deadline that only a broken product reaches. The deadline is no statement about speed;
STARLING_TEST_PATIENCE=5 makes all of them five times longer for sanitizers and slow machines, and STARLING_TEST_UNDER="valgrind
-q --error-exitcode=99" starts every node with that in front (see scripts/check).

Run a test file alone:   python3 tests/integration/test_leave.py [BINARY] [unittest arguments]
The binary is the first argument if it is an executable file, else $STARLING_BINARY, else build/src/app/starling.
"""

from .case import ClusterCase, binary, free_of_settings, long_window, main, skip
from .clients import Clients
from .dns import DnsServer
from .exposition import Page
from .namespaces import Network, NetworkCase, why_not
from .node import ADMIN_PORT, HEARTBEAT_PORT, HTTP_PORT, SYNC_PORT, Node, NodeEnded
from .relay import Relay
from .subnet import Subnet
from .waiting import patience, wait_equal, wait_until
from .watch import CountWatch
from .web import Answer, Session, request

__all__ = [
    "ADMIN_PORT", "Answer", "Clients", "ClusterCase", "CountWatch", "DnsServer", "HEARTBEAT_PORT", "HTTP_PORT", "Network",
    "NetworkCase", "Node", "NodeEnded", "Page", "Relay", "SYNC_PORT", "Session", "Subnet", "binary", "free_of_settings",
    "long_window", "main", "patience", "request", "skip", "wait_equal", "wait_until", "why_not",
]
