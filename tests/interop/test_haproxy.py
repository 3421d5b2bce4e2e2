#!/usr/bin/env python3
"""HAProxy with its Lua HTTP client, as scripts/gateways/haproxy has it."""

from gateways import NODE, Contract, GatewayCase, Process, copied, main, need

haproxy, = need("haproxy", "haproxy")


class HaProxy(Contract, GatewayCase):
    variants_limited = ("open", "closed", "unix")
    keeps_connection_with_refused_body = False  # closes when the body was not there yet

    def start_proxy(self, node_address, listen, scratch, variant):
        way = f"abns@starling-{listen}"  # abstract names are those of the whole machine
        copied("haproxy/starling.lua", scratch / "starling.lua", {"abns@starling": way, "timeout_ms = 200": "timeout_ms = 4000"})
        substitutes = {**self.substitutes(node_address, listen), "/etc/haproxy/": f"{scratch}/", "abns@starling": way}
        if variant == "unix":
            substitutes[NODE] = f"unix@{self.socket_path()}"
        if variant == "closed":
            substitutes["#fail-closed "] = ""
        config = copied("haproxy/haproxy.cfg", scratch / "haproxy.cfg", substitutes)
        return Process([haproxy, "-db", "-f", config], self.directory / f"{scratch.name}.log")

    def assert_log_is_quiet(self, process):
        super().assert_log_is_quiet(process)
        self.assertNotIn("ALERT", process.log())
        self.assertNotIn("WARNING", process.log())


if __name__ == "__main__":
    main()
