#!/usr/bin/env python3
"""A node is killed and comes back at its old address: as a new origin, with every count it had before."""

from harness import ClusterCase, CountWatch, main, wait_equal, wait_until


class Restart(ClusterCase):
    def test_no_count_is_lowered_and_none_is_reused(self):
        nodes = self.cluster(3, config=self.one_rule(1000), sync_interval="20ms", join_timeout="1h")
        first, second, third = nodes
        for node, hits in zip(nodes, (10, 20, 30)):
            node.hit(hits, principal="alice")
        self.wait_totals(nodes, 60, principal="alice")
        before = first.components(principal="alice")
        old_origin = second.origin()
        self.assertEqual(before, {first.origin(): 10, old_origin: 20, third.origin(): 30})

        watch = CountWatch([first, third], principal="alice")
        self.addCleanup(watch.stop)
        second.kill()
        first.hit(5, principal="alice")  # while it is away
        second.start().wait_ready()
        after = second.components(principal="alice")  # the first look after the first 200 of /readyz
        self.assertGreaterEqual(sum(after.values()), 60)
        self.assertEqual(after[old_origin], 20)
        self.assertEqual(after[third.origin()], 30)
        new_origin = second.origin()
        self.assertNotEqual(new_origin, old_origin)
        self.assertNotIn(new_origin, after)

        second.hit(7, principal="alice")
        self.wait_totals(nodes, 72, principal="alice")
        expected = {first.origin(): 15, old_origin: 20, third.origin(): 30, new_origin: 7}
        for node in nodes:
            self.assertEqual(node.components(principal="alice"), expected, node.name)
        self.assertEqual(watch.stop(), [])
        self.assertGreater(watch.samples_count, 0)
        self.wait_together(nodes)
        wait_equal("the origin of n2 on n1",
                   lambda: [peer["origin"] for peer in first.peers() if peer["name"] == "n2" and peer["state"] == "alive"],
                   [new_origin])

    def test_a_cluster_at_its_limit_denies_also_through_the_restarted_node(self):
        nodes = self.cluster(2, config=self.one_rule(20), sync_interval="20ms", join_timeout="1h")
        nodes[0].hit(12, principal="alice")
        self.wait_totals(nodes, 12, principal="alice")
        nodes[1].hit(8, principal="alice")
        self.wait_totals(nodes, 20, principal="alice")
        nodes[1].kill()
        nodes[1].start().wait_ready()
        self.assertEqual(nodes[1].check(principal="alice").status, 429)
        self.assertEqual(nodes[0].check(principal="alice").status, 429)

    def test_a_crash_is_noticed(self):
        first, second = self.cluster(2)
        second.kill()
        wait_until("n1 to see n2 no longer alive", lambda: first.states()["n2"] in ("suspect", "dead"))
        wait_until("n1 to see n2 dead", lambda: first.states().get("n2", "dead") == "dead")
        self.assertEqual(first.check(principal="alice").status, 200)
        wait_equal("the cluster size", lambda: first.status()["cluster_size"], 1)

    def test_a_paused_node_comes_back_with_all_counts(self):
        nodes = self.cluster(2, config=self.one_rule(1000), sync_interval="20ms")
        first, second = nodes
        second.hit(3, principal="alice")
        self.wait_totals(nodes, 3, principal="alice")
        second.pause()
        wait_until("n1 to see n2 no longer alive", lambda: "n2" not in first.alive_peers())
        first.hit(4, principal="alice")
        second.resume()
        self.wait_totals(nodes, 7, principal="alice")
        self.wait_together(nodes)


if __name__ == "__main__":
    main()
