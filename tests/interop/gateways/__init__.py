"""Real proxies in front of real nodes: what the tests of this folder share.

Each test starts the proxy with the very files that people copy from scripts/gateways; only addresses, ports and paths are
put into them, and longer timeouts (`copied`). Proxies, nodes, backend and clients each have an address of their own
(tests/integration/harness).
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

from harness import main, skip, wait_equal, wait_until  # noqa: E402

from .backend import Backend  # noqa: E402
from .case import BACKEND, GATEWAY, NODE, TIMEOUT, GatewayCase  # noqa: E402
from .client import Client  # noqa: E402
from .contract import Contract  # noqa: E402
from .copied import copied, gateways  # noqa: E402
from .nginx_conf import nginx_conf  # noqa: E402
from .process import Process, first_line_of, need  # noqa: E402

__all__ = ["BACKEND", "Backend", "Client", "Contract", "GATEWAY", "GatewayCase", "NODE", "Process", "TIMEOUT", "copied",
           "first_line_of", "gateways", "main", "need", "nginx_conf", "skip", "wait_equal", "wait_until"]
