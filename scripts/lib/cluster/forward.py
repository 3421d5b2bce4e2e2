"""Ports on this machine's loopback that lead into the cluster, for browsers and the command line.

A socket belongs to the network that it was made in: the listening ones are made outside of the cluster's, the ones behind them
inside, and bytes are carried across. The machine's network gets no link, address, route or rule by it.
"""

import asyncio
import socket

address = "127.0.0.1"
chunk_bytes = 64 * 1024


class Forwards:
    """`first_port` on, one port each; 0: ports that the system chooses."""

    def __init__(self, network, first_port):
        self._network, self._first_port = network, first_port
        self._servers, self._carrying = [], set()

    async def add(self, host, port):
        """The port on loopback that leads to (host, port) of the cluster from now on; OSError if it is taken."""
        with self._network.outside():
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((address, self._first_port + len(self._servers) if self._first_port else 0))
            except OSError:
                listener.close()
                raise
        self._servers.append(await asyncio.start_server(lambda *ends: self._carry(host, port, *ends), sock=listener))
        return listener.getsockname()[1]

    def close(self):
        for server in self._servers:
            server.close()
        for task in self._carrying:
            task.cancel()

    async def _carry(self, host, port, reader, writer):
        task = asyncio.current_task()
        self._carrying.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port)
            try:
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
            finally:
                inner_writer.close()
        except OSError:
            pass      # nobody there: the client sees its connection end
        finally:
            writer.close()
            self._carrying.discard(task)


async def _copy(reader, writer):
    while chunk := await reader.read(chunk_bytes):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
