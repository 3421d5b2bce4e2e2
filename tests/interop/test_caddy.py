#!/usr/bin/env python3
"""Caddy, as scripts/gateways/caddy has it."""

from gateways import BACKEND, NODE, TIMEOUT, Contract, GatewayCase, Process, copied, main, need

caddy, = need("caddy", "caddy")


class Caddy(Contract, GatewayCase):
    node_settings = {"attributes": "principal=X-Api-Key|@client_ip", "trusted_hops": "1"}
    tells_original = True
    variants_limited = ("open", "closed", "unix")
    keeps_connection_with_refused_body = False  # Go reads 256 KiB of it and then gives up

    def start_proxy(self, node_address, listen, scratch, variant):
        substitutes = self.substitutes(node_address, listen)
        substitutes = {NODE: substitutes[NODE], BACKEND: substitutes[BACKEND], TIMEOUT: substitutes[TIMEOUT],
                       "bind 127.0.0.1": f"bind {listen}"}
        if variant == "unix":
            substitutes[NODE] = f"unix/{self.socket_path()}"
        if variant == "closed":
            substitutes["import starling_fail_open # or starling_fail_closed"] = "import starling_fail_closed"
        config = copied("caddy/Caddyfile", scratch / "Caddyfile", substitutes)
        environment = {"HOME": str(scratch), "XDG_DATA_HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch)}
        return Process([caddy, "run", "--adapter", "caddyfile", "--config", config], self.directory / f"{scratch.name}.log",
                       environment)


if __name__ == "__main__":
    main()
