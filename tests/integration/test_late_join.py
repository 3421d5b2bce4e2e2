#!/usr/bin/env python3
"""A node that joins late takes no traffic before it holds what its peers have counted."""

from harness import SYNC_PORT, ClusterCase, Relay, main, wait_equal, wait_until

principals_count = 2000
sampled = [*range(principals_count - 1, 0, -97), 0]


class LateJoin(ClusterCase):
    def fill(self, nodes):
        """Every node admits some hits for each of many principals, so that the join takes many datagrams."""
        for node in nodes:
            with node.session() as session:
                for number in range(principals_count):
                    self.assertEqual(session.check(principal=f"user-{number}").status, 200)
        for number in sampled:
            self.wait_totals(nodes, len(nodes), principal=f"user-{number}")

    def first_ready(self, newcomer):
        """Returns at the first 200 of /readyz; says whether a 503 came before."""
        refused = []

        def ready():
            answer = newcomer.get("/readyz")
            if answer.status == 503:
                refused.append(answer.json())
            return answer.status == 200

        wait_until("the newcomer to be ready", ready)
        return refused

    def test_the_newcomer_holds_its_peers_counts_when_it_is_first_ready(self):
        hosts = self.neighborhood(3)
        settings = {"config": self.one_rule(1000), "sync_interval": "50ms", "neighborhood_host": hosts}
        pair = [self.node(number, join_timeout="100ms", **settings) for number in (1, 2)]
        self.wait_together(pair)
        self.fill(pair)
        newcomer = self.node(3, join_timeout="1h", **settings)
        for answer in self.first_ready(newcomer):
            self.assertEqual((answer["ready"], answer["state"]), (False, "joining"))
        for number in sampled:
            self.assertEqual(newcomer.total(principal=f"user-{number}"), 2, f"user-{number}")

    def test_while_its_peers_stand_still_the_newcomer_is_not_ready(self):
        hosts = self.neighborhood(3)
        settings = {"config": self.one_rule(1000), "sync_interval": "50ms", "neighborhood_host": hosts}
        pair = [self.node(number, join_timeout="100ms", **settings) for number in (1, 2)]
        self.wait_together(pair)
        pair[0].hit(10, principal="alice")
        pair[1].hit(20, principal="alice")
        self.wait_totals(pair, 30, principal="alice")
        for node in pair:
            node.pause()
        newcomer = self.node(3, join_timeout="1h", **settings).wait_live()
        # Several rounds of heartbeats have gone out and nobody has answered.
        wait_until("the newcomer to have knocked often", lambda: newcomer.status()["datagrams"]["sent"] >= 10)
        answer = newcomer.get("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertEqual((answer.json()["ready"], answer.json()["state"]), (False, "joining"))
        self.assertTrue(answer.json()["reason"])
        for node in pair:
            node.resume()
        self.first_ready(newcomer)
        self.assertEqual(newcomer.total(principal="alice"), 30)

    def test_with_live_peers_but_without_their_counts_the_newcomer_is_not_ready(self):
        near_first, near_newcomer = self.subnet.host(11), self.subnet.host(12)
        settings = {"config": self.one_rule(1000), "sync_interval": "50ms"}
        hosts = f"{near_newcomer},{self.subnet.host(3)}"
        first, witness = (self.node(number, neighborhood_host=hosts, join_timeout="100ms", **settings) for number in (1, 3))
        self.wait_together([first, witness])
        first.hit(10, principal="alice")
        self.wait_totals([witness], 10, principal="alice")  # now n1 has published them
        self.assertEqual(witness.terminate(), 0)
        relay = Relay(first.address, self.subnet.host(2), near_first, near_newcomer)
        self.addCleanup(relay.close)
        relay.blocked_ports.add(SYNC_PORT)
        newcomer = self.node(2, neighborhood_host=near_first, join_timeout="1h", **settings)
        wait_equal("the newcomer's alive peers", newcomer.alive_peers, ["n1"])
        wait_until("some counts to have been swallowed", lambda: relay.swallowed_count >= 3)
        self.assertEqual(newcomer.get("/readyz").status, 503)
        self.assertEqual(newcomer.total(principal="alice"), 0)
        relay.blocked_ports.clear()
        self.first_ready(newcomer)
        self.assertEqual(newcomer.total(principal="alice"), 10)

    def test_the_join_timeout_ends_the_wait(self):
        first = self.node(1, neighborhood_host=self.neighborhood(2), join_timeout="100ms").wait_ready()
        first.pause()
        newcomer = self.node(2, neighborhood_host=self.neighborhood(2), join_timeout="300ms")
        newcomer.wait_ready()
        self.assertEqual(newcomer.check(principal="alice").status, 200)

    def test_nodes_that_start_together_do_not_wait_for_the_timeout(self):
        self.cluster(3, join_timeout="1h")


if __name__ == "__main__":
    main()
