"""The base of the tests with a proxy: nodes, a backend, a proxy of the kind that the test file says."""

from harness import HTTP_PORT, ClusterCase, wait_until

from .backend import Backend
from .client import Client

# What the files in scripts/gateways say, wherever they name an address.
NODE, BACKEND, GATEWAY = "127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1:8000"

# How long they wait for a node. The tests wait longer, so that a busy machine is not taken for a silent node.
TIMEOUT, patient_timeout = "50ms", "1000ms"

backend_port, gateway_port = 9000, 8000
backend_host, first_gateway_host, first_client_host = 200, 100, 150


class GatewayCase(ClusterCase):
    """A test file's case has `start_proxy(node_address, listen_address, scratch, variant) -> Process`."""

    node_settings = {}  # flags of the nodes that the proxy's configuration asks for

    def setUp(self):
        super().setUp()
        self._backend = None

    def backend(self):
        if self._backend is None:
            self._backend = Backend(self.subnet.host(backend_host), backend_port)
            self.addCleanup(self._backend.close)
        return self._backend

    def beside(self, requests, **settings):
        """A node with one rule of so many requests per principal."""
        return self.node(1, config=self.one_rule(requests), **{**self.settings_beside(), **settings}).wait_ready()

    def settings_beside(self):
        """Flags of the one node beside a proxy. It always listens on a Unix socket as well. Its table is small, because Meson's
        MALLOC_PERTURB_ writes to every byte of it at each start: a million counters made these tests three times as slow."""
        return {**self.node_settings, "http_listen": f"unix:{self.socket_path()}", "max_counters": "10000"}

    def socket_path(self):
        return self.directory / "http.sock"

    def gateway(self, node, number=1, variant="open"):
        """The proxy in front of the backend, beside `node`; ready to be asked. Returns its process."""
        self.backend()
        scratch = self.directory / f"gateway-{number}"
        scratch.mkdir()
        listen = self.subnet.host(first_gateway_host + number)
        process = self.start_proxy(node.address, listen, scratch, variant)
        self.addCleanup(process.close)

        def answers():
            process.check_running()
            self.client(number).close()
            return True

        wait_until("the proxy to listen", answers)
        return process

    def substitutes(self, node_address, listen):
        """For `copied`: what every configuration names."""
        return {NODE: f"{node_address}:{HTTP_PORT}", BACKEND: f"{self.subnet.host(backend_host)}:{backend_port}",
                GATEWAY: f"{listen}:{gateway_port}", TIMEOUT: patient_timeout}

    def client(self, number=1, source=None):
        return Client(self.subnet.host(first_gateway_host + number), gateway_port, source)

    def client_address(self, number=1):
        return self.subnet.host(first_client_host + number)
