#!/usr/bin/env python3
"""nginx with Lua, as scripts/gateways/nginx-lua has it: over the Unix socket, and over TCP."""

import pathlib

from gateways import BACKEND, GATEWAY, Contract, GatewayCase, Process, copied, main, need, nginx_conf, skip

nginx, = need("nginx-lua", "nginx")
modules = [pathlib.Path("/usr/lib/nginx/modules") / name for name in ("ndk_http_module.so", "ngx_http_lua_module.so")]
if not modules[1].exists():
    skip(f"expected {modules[1]}, found none; run scripts/interop --install --only nginx-lua")

fail_open = "fail_open = true,"
unix_address = '"unix:/run/starling/http.sock"'


class NginxLua(Contract, GatewayCase):
    variants_limited = ("open", "tcp")

    def start_proxy(self, node_address, listen, scratch, variant):
        copied("nginx-lua/starling.lua", scratch / "starling.lua", {"timeout_ms = 50,": "timeout_ms = 1000,"})
        substitutes = self.substitutes(node_address, listen)
        substitutes = {"/etc/nginx/starling/": f"{scratch}/", BACKEND: substitutes[BACKEND], GATEWAY: substitutes[GATEWAY],
                       unix_address: f'"unix:{self.socket_path()}"'}
        if variant == "tcp":
            substitutes[unix_address] = f'"{node_address}", port = 8080'
        if variant == "closed":
            substitutes[fail_open] = "fail_open = false,"
        copied("nginx-lua/site.conf", scratch / "site.conf", substitutes)
        return Process([nginx, "-p", scratch, "-e", "stderr", "-c", nginx_conf(scratch, modules)],
                       self.directory / f"{scratch.name}.log")


if __name__ == "__main__":
    main()
