#!/usr/bin/env python3
"""nginx with auth_request, as scripts/gateways/nginx has it; at the end three of them with three nodes behind one limit."""

import threading

from gateways import NODE, TIMEOUT, Contract, GatewayCase, Process, copied, main, need, nginx_conf

nginx, = need("nginx", "nginx")
folder = "/etc/nginx/starling/"
parts = ("check.conf", "limit.conf", "fail-open.conf", "fail-closed.conf")


class Nginx(Contract, GatewayCase):
    node_settings = {"attributes": "principal=X-Api-Key|@client_ip", "trusted_hops": "1"}
    tells_original = True
    variants_limited = ("open", "closed", "unix")

    def start_proxy(self, node_address, listen, scratch, variant):
        substitutes = {**self.substitutes(node_address, listen), folder: f"{scratch}/"}
        timeouts = {TIMEOUT: substitutes.pop(TIMEOUT)}
        for part in parts:
            copied(f"nginx/{part}", scratch / part, timeouts if part == "check.conf" else {})
        if variant == "unix":
            substitutes[NODE] = f"unix:{self.socket_path()}"
        if variant == "closed":
            substitutes["fail-open.conf;     # or fail-closed.conf"] = "fail-closed.conf;"
        if variant == "service":  # as site.conf says for one, with a pod that is gone in the first place
            gone = f"{self.subnet.host(9)}:8080"
            substitutes[NODE] = f"{gone} max_fails=0; server {substitutes[NODE]} max_fails=0"
        if variant == "deny":  # what somebody may add to the same location
            substitutes["proxy_pass http://backend;"] = f"deny {self.client_address(9)}; proxy_pass http://backend;"
        copied("nginx/site.conf", scratch / "site.conf", substitutes)
        return Process([nginx, "-p", scratch, "-e", "stderr", "-c", nginx_conf(scratch)], self.directory / f"{scratch.name}.log")

    def test_what_makes_no_sense_is_a_400_and_a_403_of_nginx_itself_stays_one(self):
        self.gateway(self.beside(1), variant="deny")
        with self.client() as client:
            answer = client.get("/" + "p" * 8150, key="k" * 8150)  # more than a node takes
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (400, None))
        with self.client(source=self.client_address(9)) as client:
            self.assertEqual(client.get("/", key="alice").status, 403)

    def test_denials_need_no_connections_of_their_own(self):
        """A denial has a body that auth_request does not read; then nginx would close the connection to the node each time."""
        node, denials_count = self.beside(1), 50
        self.gateway(node)
        with self.client() as client:
            self.assert_allowed(client.get("/", key="alice"), 0)
            before = self.http_connections(node)
            for _ in range(denials_count):
                self.assert_denied(client.get("/", key="alice"))
        self.assertLess(self.http_connections(node) - before, denials_count / 5)

    def http_connections(self, node):
        return next(each["connections"]["accepted"] for each in node.status()["front_ends"] if each["name"] == "http")

    def test_a_second_try_after_a_pod_that_is_gone_gives_the_answer_it_would_have_been(self):
        limit = 10
        node = self.beside(limit)
        self.gateway(node, variant="service")
        with self.client() as client:
            for passed in range(limit):
                self.assert_allowed(client.get("/", key="alice"), limit - passed - 1)
            for _ in range(limit):
                self.assert_denied(client.get("/", key="alice"))
            self.assertEqual(client.get("/" + "p" * 8150, key="k" * 8150).status, 400)
        self.assertEqual(node.total(principal="alice"), limit)

    def test_three_gateways_with_three_nodes_hold_one_limit(self):
        gateways_count, limit, requests_each = 3, 300, 400
        nodes = self.cluster(gateways_count, config=self.one_rule(limit), max_counters="10000", **self.node_settings)
        processes = [self.gateway(node, number) for number, node in enumerate(nodes, start=1)]
        statuses = [[] for _ in nodes]
        gate = threading.Barrier(gateways_count)

        def load(index):
            with self.client(index + 1) as client:
                gate.wait()
                for _ in range(requests_each):
                    statuses[index].append(client.get("/", key="alice").status)

        threads = [threading.Thread(target=load, args=(index,)) for index in range(gateways_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        admitted = [each.count(200) for each in statuses]
        for each in statuses:
            self.assertEqual(each.count(200) + each.count(429), requests_each)
            self.assertNotIn(200, each[each.index(429) + 1:] if 429 in each else [])  # once denied, denied for good
        self.assertGreaterEqual(sum(admitted), limit)
        self.assertLessEqual(sum(admitted), limit * 1.2)  # 300 or 301 on a machine with two cores at a load of 10
        self.assertEqual(self.backend().requests_count(), sum(admitted))
        self.wait_totals(nodes, sum(admitted), principal="alice")
        for process in processes:
            self.assert_log_is_quiet(process)


if __name__ == "__main__":
    main()
