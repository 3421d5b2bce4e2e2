#!/usr/bin/env python3
"""SIGTERM under many keep-alive clients: none of them loses a request that it sent in good faith."""

import asyncio
import random
import signal
import threading

from harness import HTTP_PORT, ClusterCase, main, patience, wait_until
from harness.grpc import RATE_LIMIT, GrpcClient, rate_limit_request

nodes_count = 20
answer_deadline_s = 15.0
request = b"GET /v1/check?principal=alice HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    """A gateway's connection: it asks over and over, waits up to `gap_s` in between, and changes to `elsewhere` when it is
    told `Connection: close` or finds the connection closed before it asks. Anything else is a lost request."""

    def __init__(self, connect, elsewhere, gap_s):
        self._connect, self._elsewhere, self._gap_s = connect, elsewhere, gap_s
        self.answers_count = 0
        self.told = False    # by Connection: close
        self.lost = []       # why
        self._reader = self._writer = None

    async def run(self):
        await self._change(self._connect)
        while not (self.told or self.lost):
            if self._gap_s:
                await asyncio.sleep(random.uniform(*self._gap_s))  # what a gateway does between two requests
            if self._reader.at_eof():
                break
            await self._ask()
        self._writer.close()
        await self._change(self._elsewhere)
        await self._ask()
        self._writer.close()

    async def _change(self, connect):
        self._reader, self._writer = await connect()

    async def _ask(self):
        try:
            self._writer.write(request)
            head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), answer_deadline_s * patience())
            lines = head.decode().lower().split("\r\n")
            length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
            await self._reader.readexactly(length)
            if not lines[0].startswith("http/1.1 200 "):
                self.lost.append(lines[0])
            self.told |= "connection: close" in lines
            self.answers_count += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as problem:
            self.lost.append(repr(problem))


class GrpcCaller(threading.Thread):
    """Calls over and over on one connection until it has read a GOAWAY. A call begun before that is to be answered."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self._client = GrpcClient(address)
        self.answers_count = 0
        self.lost = []

    def run(self):
        try:
            with self._client:
                while not self._client.goaways and not self.lost:
                    reply = self._client.call(RATE_LIMIT, rate_limit_request("default", principal="alice"))
                    if reply is None:
                        self.lost.append("no message in the answer")
                    self.answers_count += 1
        except OSError as problem:
            self.lost.append(repr(problem))


class Drain(ClusterCase):
    def stop_under(self, gaps_s, over_unix=False):
        """Stops nodes one after the other, each under a client per gap that then goes to a node that stays."""
        rules = self.one_rule(1_000_000)
        stays = self.node(1, config=rules, max_counters=1000).wait_ready()
        paths = [str(self.directory / f"{number}.sock") for number in range(nodes_count)]
        nodes = [self.node(number + 2, config=rules, max_counters=1000,
                           **({"http_listen": f"unix:{paths[number]}"} if over_unix else {})) for number in range(nodes_count)]
        for node in nodes:
            node.wait_ready()

        def to(number):
            if over_unix:
                return lambda: asyncio.open_unix_connection(paths[number])
            return lambda: asyncio.open_connection(nodes[number].address, HTTP_PORT)

        async def stop_all():
            clients = [[Client(to(number), lambda: asyncio.open_connection(stays.address, HTTP_PORT), gap_s)
                        for gap_s in gaps_s] for number in range(nodes_count)]
            tasks = [asyncio.create_task(client.run()) for of_node in clients for client in of_node]
            for node, of_node in zip(nodes, clients):
                while any(client.answers_count < 2 and not client.lost for client in of_node):
                    await asyncio.sleep(0.005)
                node.signal(signal.SIGTERM)
            await asyncio.gather(*tasks)
            return [client for of_node in clients for client in of_node]

        clients = asyncio.run(stop_all())
        self.assertEqual([node.wait_exit() for node in nodes], [0] * nodes_count)
        lost = [why for client in clients for why in client.lost]
        asked = sum(client.answers_count for client in clients) + len(lost)
        self.assertEqual(lost, [], f"{len(lost)} of {asked} requests of {len(clients)} clients")
        self.assertEqual(sum(client.told for client in clients), len(clients), "clients that were told to go elsewhere")

    def test_back_to_back_clients_lose_nothing(self):
        self.stop_under([None] * 3)

    def test_clients_with_pauses_lose_nothing(self):
        self.stop_under([(0.05, 0.3)] * 10)

    def test_clients_on_a_unix_domain_socket_lose_nothing(self):
        self.stop_under([None] * 2 + [(0.05, 0.3)] * 3, over_unix=True)

    def test_grpc_calls_are_not_lost(self):
        rules = self.one_rule(1_000_000)
        nodes = [self.node(number + 1, config=rules, max_counters=1000) for number in range(nodes_count // 2)]
        for node in nodes:
            callers = [GrpcCaller(node.wait_ready().address) for _ in range(3)]
            for caller in callers:
                caller.start()
            wait_until("calls", lambda: all(caller.answers_count > 2 or caller.lost for caller in callers))
            node.signal(signal.SIGTERM)
            for caller in callers:
                caller.join(answer_deadline_s * patience())
                self.assertFalse(caller.is_alive(), "a caller still waits for its answer, or for a GOAWAY")
                self.assertEqual(caller.lost, [], f"after {caller.answers_count} answers")
        self.assertEqual([node.wait_exit() for node in nodes], [0] * len(nodes))


if __name__ == "__main__":
    main()
