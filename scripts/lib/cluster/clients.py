"""The process of cluster/load.py, as the cluster starts, watches and stops it."""

import asyncio
import json
import os
import pathlib
import subprocess
import sys

from cluster.gateway import gateway_port
from cluster.process import last_lines, spawn
from cluster.service import cluster_ip, service_port

program = pathlib.Path(__file__).resolve().parent / "load.py"
principal = "load"
requests_per_node_connection = 50
line_bytes_max = 64 * 1024 * 1024


class LoadFailed(Exception):
    """The clients ended before they were told to."""


def targets(gateway):
    """Through the gateway, and straight at the nodes' Service."""
    found = [{"name": "nodes", "host": cluster_ip, "port": service_port, "path": f"/v1/check?principal={principal}",
              "requests_per_connection": requests_per_node_connection}]
    if gateway is not None:
        found.append({"name": "gateway", "host": gateway.address, "port": gateway_port, "path": "/",
                      "headers": {"X-Api-Key": principal}})
    return found


class Clients:
    def __init__(self, directory, rate, window_s, where, tell):
        self._log_path = os.path.join(directory, "clients.log")
        self._process = spawn([sys.executable, "-B", program], self._log_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._say({"rate": rate, "window_s": window_s, "targets": where})
        self._tell = tell
        self.reading = asyncio.create_task(self._read())      # ends with their account

    async def stop(self, delay_s):
        """Their account, after the answers to all they have asked. `delay_s`: what is `burst` in it, see there."""
        self._say({"stop": True, "delay_s": delay_s})
        return await self.reading

    def ended(self):
        return self.reading.done()

    def close(self):
        self.reading.cancel()
        self._process.kill()
        self._process.wait()

    def _say(self, what):
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass      # `_read` finds the same and knows more

    async def _read(self):
        lines = asyncio.StreamReader(limit=line_bytes_max)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), self._process.stdout)
        try:
            while line := await lines.readline():
                said = json.loads(line)
                if "targets" in said:
                    return said
                self._tell(said)
            raise LoadFailed(f"expected the clients to go on until told to stop, found: {' '.join(last_lines(self._log_path, 5))}")
        finally:
            transport.close()
