#!/usr/bin/env python3
"""Nodes find each other through a DNS name, as behind a headless Service, or through a literal list."""

import signal

from harness import ClusterCase, main, wait_equal, wait_until

service = "starling-peers.test.svc.cluster.local"


class Discovery(ClusterCase):
    def by_name(self, number, name=service + ".", **settings):
        settings.setdefault("resolve_interval", "200ms")
        return self.node(number, neighborhood_host=name, dns_servers=self.dns().server, **settings)

    def addresses_of(self, node):
        """The neighborhood's addresses as the node knows them, without ports."""
        return sorted(str(address).split(":")[0] for address in node.status()["neighborhood"]["addresses"])

    def test_a_name_that_does_not_exist_yet_is_normal(self):
        nodes = [self.by_name(number) for number in (1, 2, 3)]
        for node in nodes:
            node.wait_live()
            error = wait_until("the failed look-up in the status", lambda: node.status()["neighborhood"]["error"])
            self.assertIn(service, error)
            self.assertEqual(node.check(principal="alice").status, 200)
            self.assertEqual(node.alive_peers(), [])
            node.wait_ready()
            self.assertEqual(node.status()["cluster_size"], 1)
        self.dns().set(service, [node.address for node in nodes])
        self.wait_together(nodes)
        for node in nodes:  # it may have heard of its peers from others before it looked the name up again
            wait_equal(f"the addresses of {node.name}", lambda: self.addresses_of(node), sorted(each.address for each in nodes))
            self.assertIsNone(node.status()["neighborhood"]["error"])
            self.assertEqual(node.status()["cluster_size"], 3)

    def test_a_node_that_dns_adds_later_is_found_and_one_that_it_drops_stays_while_it_lives(self):
        self.dns().set(service, [self.subnet.host(1)])
        first = self.by_name(1).wait_ready()
        second = self.by_name(2)
        self.dns().set(service, [self.subnet.host(1), self.subnet.host(2)])
        self.wait_together([first, second])
        self.dns().set(service, [self.subnet.host(1)])
        wait_equal("the addresses of n1", lambda: self.addresses_of(first), [first.address])
        self.assertEqual(first.alive_peers(), ["n2"])
        self.assertEqual(second.alive_peers(), ["n1"])

    def test_a_name_without_a_trailing_dot_works_too(self):
        self.dns().set(service, [self.subnet.host(1), self.subnet.host(2)])
        self.wait_together([self.by_name(1, name=service), self.by_name(2, name=service)])

    def test_sighup_resolves_at_once(self):
        self.dns().set(service, [self.subnet.host(1)])
        node = self.by_name(1, resolve_interval="1h").wait_ready()
        wait_equal("the addresses", lambda: self.addresses_of(node), [self.subnet.host(1)])
        self.dns().set(service, [self.subnet.host(1), self.subnet.host(2)])
        node.signal(signal.SIGHUP)
        wait_equal("the addresses", lambda: self.addresses_of(node), [self.subnet.host(1), self.subnet.host(2)])

    def test_a_list_too_long_for_a_datagram_comes_over_tcp(self):
        addresses = [self.subnet.host(number) for number in range(1, 151)]
        self.dns().set(service, addresses)
        node = self.by_name(1)
        wait_equal("the addresses", lambda: self.addresses_of(node), sorted(addresses))

    def test_a_literal_list_needs_no_dns(self):
        self.cluster(3)

    def test_addresses_and_names_may_be_mixed(self):
        self.dns().set(service, [self.subnet.host(2)])
        mixed = f"{self.subnet.host(1)},{service}."
        self.wait_together([self.by_name(1, name=mixed), self.by_name(2, name=mixed)])

    def test_peers_tell_each_other_of_peers(self):
        hub = self.subnet.host(1)
        self.wait_together([self.node(number, neighborhood_host=hub) for number in (1, 2, 3)])

    def test_a_peer_is_described(self):
        first, second = self.cluster(2)
        self.assertNotEqual(first.origin(), second.origin())
        wait_until("a measured round trip", lambda: first.peers()[0]["rtt_us"] is not None)
        peer = first.peers()[0]
        self.assertEqual(peer["name"], "n2")
        self.assertEqual(peer["origin"], second.origin())
        self.assertEqual(peer["heartbeat_endpoint"], f"{second.address}:4291")
        self.assertEqual(peer["sync_endpoint"], f"{second.address}:4290")
        self.assertEqual(peer["state"], "alive")
        self.assertEqual(peer["version"], second.status()["node"]["version"])
        self.assertLess(abs(peer["clock_skew_ms"]), 1000)  # one machine, one clock


class Alone(ClusterCase):
    def test_without_a_neighborhood_a_node_is_a_cluster_of_one_and_ready_at_once(self):
        node = self.node(1, join_timeout="1h").wait_ready()  # nobody to wait for: the timeout has no part in it
        self.assertEqual(node.peers(), [])
        status = node.status()
        self.assertEqual(status["cluster_size"], 1)
        self.assertTrue(status["ready"])
        self.assertEqual(status["state"], "ready")
        self.assertIsNone(status["neighborhood"]["error"])

    def test_the_built_in_rule_allows_100_per_10_s(self):
        node = self.node(1).wait_ready()
        answer = node.check(principal="alice")
        self.assertEqual((answer.status, answer.headers["X-RateLimit-Limit"]), (200, "100"))
        self.assertEqual([limit for rule in node.status()["rules"] for limit in rule["limits"]],
                         [{"requests": 100, "per": "10s"}])


if __name__ == "__main__":
    main()
