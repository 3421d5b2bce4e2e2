#!/usr/bin/env python3
"""Five nodes on a network of their own that is cut, torn in two, made lossy and healed, while clients keep asking.

The checks are those of the simulator, on what real processes report: the clients know the truth, a watch looks for
views that are above it or that shrink, and in the end every view has to be the truth. Counts that must stay are in a
window that no test outlives.
"""

import json
import pathlib
import subprocess
import sys
import time

from harness import (HTTP_PORT, Clients, CountWatch, NetworkCase, binary, free_of_settings, long_window, main, patience, skip,
                     wait_equal, wait_until, why_not)
from harness.node import die_with_parent

limit = 300                     # of a principal, in a window that no test outlives
over_admission_max = 0.2        # of a limit; measured are 0.003. Nodes that told every 500 ms would be at 0.33, deaf ones at 4
converged_deadline_s = 15.0     # after a fault has ended; also while links are broken but nobody is unreachable
everything = {"api": "shop"}    # what the background clients ask for: never denied, counted in one counter
background_pause_s = 0.004      # of a client between two requests: about 200 requests/s a node
some_admissions = 50
load_script = pathlib.Path(__file__).resolve().parents[2] / "scripts/loadtest"


class FiveNodes(NetworkCase):
    def start(self, requests=limit, per=None, **settings):
        """The cluster. Every principal may make so many requests; what names an api is counted as well, for long."""
        long = long_window()[0]
        return self.cluster_by_name(join_timeout="1h", **settings, config=self.rules(
            "rules:\n"
            f'  - name: each\n    match: {{principal: "*"}}\n    limits: [{{requests: {requests}, per: {per or long}}}]\n'
            f'  - name: all\n    match: {{api: "*"}}\n    limits: [{{requests: 100000000, per: {long}}}]\n'))

    def disturb(self, nodes):
        """(clients, watch): from here on there is load, and somebody looks."""
        clients = Clients(nodes, pause_s=background_pause_s, **everything)
        watch = CountWatch(nodes, ceiling=clients.ceiling, pause_s=0.05, **everything)
        self.addCleanup(watch.stop)
        self.addCleanup(clients.stop)
        self.wait_admitted(clients)
        return clients, watch

    def wait_admitted(self, clients):
        """Until every node has admitted some more."""
        accounts = [clients.account(node.origin()) for node in self._nodes]
        goals = [account.admitted + some_admissions for account in accounts]
        wait_until("every node to have admitted some more",
                   lambda: all(account.admitted >= goal for account, goal in zip(accounts, goals)))

    def wait_views(self, nodes, truth, **entries):
        """Until every node shows exactly `truth`; returns how long that took."""
        started = time.monotonic()
        for node in nodes:
            wait_equal(f"the view of {node.name}", lambda: node.components(**entries), truth, converged_deadline_s)
        return time.monotonic() - started

    def end(self, nodes, clients, watch):
        """The load ends; all views become the truth, and none was ever wrong."""
        truth = clients.stop().truth()
        self.assertEqual(len(truth), len(nodes))
        took_s = self.wait_views(nodes, truth, **everything)
        self.assertEqual(watch.stop(), [])
        self.assertGreater(watch.samples_count, len(nodes))
        self.report(f"{sum(truth.values())} admitted, all views equal {took_s * 1000:.0f} ms after the load ended")

    def report(self, text):
        print(f"{self._testMethodName}: {text}", flush=True)

    def assert_swallowed(self):
        self.assertGreater(self.subnet.swallowed_count(), 0, "the fault took nothing: it was none")

    # --- the tests

    def test_each_side_of_a_partition_holds_the_limit_and_counts_add_up_when_it_heals(self):
        nodes = self.start()
        clients, watch = self.disturb(nodes)
        sides = [nodes[:2], nodes[2:]]
        self.subnet.partition((1, 2), (3, 4, 5))
        for side in sides:
            for node in side:
                others = sorted(each.name for each in side if each is not node)
                wait_equal(f"the alive peers of {node.name}", node.alive_peers, others)
        alice = Clients(nodes, requests_each=limit, principal="alice").wait()
        admitted_by_sides = []
        for side in sides:
            origins = [node.origin() for node in side]
            admitted = alice.truth(*origins)
            self.wait_views(side, admitted, principal="alice")  # these and nothing from the other side
            self.assertGreaterEqual(sum(admitted.values()), limit)
            self.assertLessEqual(sum(admitted.values()), limit * (1 + over_admission_max))
            admitted_by_sides.append(sum(admitted.values()))
        self.wait_admitted(clients)
        self.assert_swallowed()

        self.subnet.heal()
        healed_took_s = self.wait_views(nodes, alice.truth(), principal="alice")
        self.assertEqual(alice.admitted_count(), sum(admitted_by_sides))
        self.report(f"limit {limit}: {admitted_by_sides} admitted, all equal {healed_took_s * 1000:.0f} ms after the heal")
        for node in nodes:
            self.assertEqual(node.check(principal="alice").status, 429)
        self.wait_together(nodes)
        self.end(nodes, clients, watch)

    def test_with_two_addresses_a_node_counts_once_and_one_of_them_is_enough(self):
        nodes = self.start(dual_stack=True)
        clients, watch = self.disturb(nodes)
        for node in nodes:
            wait_equal(f"the size of the cluster, as {node.name} knows it",
                       lambda: [node.status()[key] for key in ("cluster_size", "cluster_known", "isolated")], [5, 5, False])
        self.subnet.lose_ipv4()
        for node in nodes:
            wait_equal(f"the addresses that {node.name} hears its peers at",
                       lambda: {peer["address"].split(":")[0] for peer in node.peers() if peer["state"] == "alive"}, {"fd77"})
        self.wait_together(nodes)
        self.wait_admitted(clients)
        self.assert_swallowed()
        self.end(nodes, clients, watch)

    def test_a_link_cut_in_one_direction_keeps_no_count_away(self):
        nodes = self.start()
        clients, watch = self.disturb(nodes)
        self.subnet.cut((1, 2))
        self.wait_admitted(clients)
        wait_equal("the alive peers of n3", nodes[2].alive_peers, ["n1", "n2", "n4", "n5"])
        alice = Clients(nodes, requests_each=20, principal="alice").wait()
        self.wait_views(nodes, alice.truth(), principal="alice")  # while the load goes on and the link is cut
        self.end(nodes, clients, watch)                         # still cut
        self.assert_swallowed()
        self.subnet.heal()
        self.wait_together(nodes)

    def test_with_only_a_line_of_links_left_counts_travel_along_it(self):
        nodes = self.start()
        clients, watch = self.disturb(nodes)
        line = {(1, 2), (2, 3), (3, 4), (4, 5)}
        everyone = range(1, self.nodes_count + 1)
        self.subnet.cut(*((a, b) for a in everyone for b in everyone if a != b and not {(a, b), (b, a)} & line))
        wait_equal("the alive peers of n1", nodes[0].alive_peers, ["n2"])
        wait_equal("the alive peers of n3", nodes[2].alive_peers, ["n2", "n4"])
        self.wait_admitted(clients)
        self.end(nodes, clients, watch)
        self.assert_swallowed()
        self.subnet.heal()
        self.wait_together(nodes)

    def test_a_tenth_of_all_packets_lost_loses_no_count_and_admits_little_more(self):
        window_s, window_limit = 3, 600
        nodes = self.start(window_limit, f"{window_s}s")
        watch = CountWatch(nodes, pause_s=0.05, **everything)
        self.addCleanup(watch.stop)
        self.subnet.lose(10)
        result = self.load(nodes, rate=5 * window_limit / window_s, seconds=3.3 * window_s, principal="alice", **everything)
        self.assertEqual(result["limit"]["rule"], "each")
        full = [window for window in result["windows"] if window["full"]]
        self.assertGreaterEqual(len(full), 2)
        for window in full:
            self.assertGreaterEqual(window["offered"], 2 * window_limit)
            self.assertGreaterEqual(window["allowed"], window_limit)
        over = [window["over_admission"] / window_limit for window in full]
        self.assertLessEqual(sum(over) / len(over), over_admission_max)
        truth = {node.origin(): target["allowed"] for node, target in zip(nodes, result["nodes"])}
        took_s = self.wait_views(nodes, truth, **everything)      # packets are still lost
        self.assertEqual(watch.stop(), [])
        self.assert_swallowed()
        self.report(f"over-admission of {len(full)} full windows {', '.join(f'{each:.2%}' for each in over)}; all views "
                    f"equal {took_s * 1000:.0f} ms after the load ended, {self.subnet.swallowed_count()} packets lost")

    def test_a_kill_under_load_takes_no_count_back_and_invents_none(self):
        nodes = self.start()
        clients, watch = self.disturb(nodes)
        victim, survivors = nodes[2], [node for node in nodes if node is not nodes[2]]
        former = victim.origin()
        for node in survivors:
            wait_until(f"{node.name} to know of {victim.name}'s counts",
                       lambda: node.components(**everything).get(former, 0) > 0)
        self.wait_admitted(clients)  # so that it dies with hits that it has not told anybody
        victim.kill()
        left = wait_until("the survivors to hold equal counts of the dead node", lambda: self.agreed(survivors, former))
        victim.start().wait_ready()
        # The first look after the first 200 of /readyz.
        self.assertEqual(victim.components(**everything).get(former), left)
        self.assertNotEqual(victim.origin(), former)
        self.wait_admitted(clients)

        clients.stop()
        lives = [node.origin() for node in nodes]
        truth = {**clients.truth(*lives), former: left}
        self.assertEqual(len(truth), len(nodes) + 1)
        self.wait_views(nodes, truth, **everything)
        self.assertEqual(watch.stop(), [])
        account = clients.account(former)
        self.assertLessEqual(left, account.ceiling())
        self.wait_together(nodes)
        self.report(f"the killed node had admitted {account.admitted} to {account.ceiling()}, {left} of them were told")

    # --- parts of them

    def agreed(self, nodes, origin):
        """What all nodes hold of `origin`, if they hold the same."""
        held = {node.components(**everything).get(origin, 0) for node in nodes}
        return held.pop() if len(held) == 1 else None

    def load(self, nodes, rate, seconds, **entries):
        """What scripts/loadtest counted: the same rate on all nodes, whatever they answer."""
        command = [sys.executable, str(load_script), "-o", "json", "--rate", f"{rate:g}", "--seconds", f"{seconds:g}", "--yes",
                   "--build-dir", pathlib.Path(binary()).parents[2]]
        for key, value in entries.items():
            command += ["--entry", f"{key}={value}"]
        result = subprocess.run([*command, *(f"http://{node.address}:{HTTP_PORT}" for node in nodes)],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, env=free_of_settings(),
                                timeout=(seconds + 30) * patience(), preexec_fn=die_with_parent, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        run, = json.loads(result.stdout)["patterns"]
        self.assertEqual((run["lost"], run["unsent"]), (0, 0), run)
        return run


if __name__ == "__main__":
    reason = why_not()
    if reason:
        skip(reason)
    main()
