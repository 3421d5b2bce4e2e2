#!/usr/bin/env python3
"""`starling top` against real nodes: callers seen only elsewhere by their names, shares, denials, and wrong questions."""

import json
import socket

from harness import ADMIN_PORT, SYNC_PORT, ClusterCase, main, wait_equal, wait_until

done, failed, usage = 0, 1, 2
columns = ["PRINCIPAL", "RULE", "LIMIT", "USED", "USAGE", "DENIED(HERE)"]


class Top(ClusterCase):
    def server(self, node):
        return ["--server", f"http://{node.address}:{ADMIN_PORT}"]

    def top(self, node, *arguments):
        result = self.starling("top", *self.server(node), *arguments, "-o", "json")
        self.assertEqual((result.returncode, result.stderr), (done, ""), result)
        return json.loads(result.stdout)

    def table(self, node, *arguments):
        result = self.starling("top", *self.server(node), *arguments)
        self.assertEqual((result.returncode, result.stderr), (done, ""), result)
        return result.stdout.splitlines()

    def used(self, node, *arguments):
        return {row["principal"]: row["used"] for row in self.top(node, *arguments)["rows"]}

    def test_callers_of_one_node_are_shown_by_name_on_another(self):
        first, second, third = self.cluster(3, config=self.one_rule(100))
        first.hit(40, principal="alice")
        second.hit(60, principal="alice")
        first.hit(7, principal="bob")
        first.hit(1, principal="ümlaut\x1b[2J")
        self.wait_totals([first, second, third], 100, principal="alice")
        self.wait_totals([third], 7, principal="bob")
        self.wait_totals([third], 1, principal="ümlaut\x1b[2J")

        body = self.top(third)
        self.assertEqual([(row["principal"], row["used"]) for row in body["rows"]],
                         [("principal=alice", 100), ("principal=bob", 7), ("principal=ümlaut\x1b[2J", 1)])
        self.assertEqual((body["node"], body["complete"], body["unnamed"]), ("n3", True, 0))
        alice = body["rows"][0]
        self.assertEqual((alice["rule"], alice["limit"], alice["usage"]), ("each", 100, 1))
        self.assertEqual([(share["node"], share["hits"]) for share in alice["shares"]], [("n2", 60), ("n1", 40)])

        lines = self.table(third)
        self.assertEqual(lines[0].split(), columns)
        self.assertEqual(lines[1].split()[:2], ["principal=alice", "each"])
        self.assertEqual(lines[1].split()[3:], ["100", "100%", "0"])
        self.assertNotIn("\x1b", "".join(lines))
        self.assertIn("n2 60, n1 40", self.table(third, "-o", "wide")[1])
        self.assertEqual(len(self.table(third, "-n", "1")), 3)

        for _ in range(3):
            self.assertEqual(third.check(principal="alice").status, 429)
        self.assertEqual(self.top(third)["rows"][0]["denied_here"], 3)
        self.assertEqual(self.used(third, "--by", "denied"), {"principal=alice": 100})
        self.assertEqual(self.used(first, "--by", "denied"), {})
        self.assertEqual(list(self.used(third, "--by", "usage")), [row["principal"] for row in body["rows"]])
        self.assertEqual(len(self.used(first, "--rule", "each")), 3)
        self.assertEqual(self.used(first, "--rule", "nobody"), {})

    def test_a_name_dies_with_the_only_node_that_knew_it(self):
        first, second = self.cluster(2, config=self.one_rule(100))
        first.hit(5, principal="alice")
        self.wait_totals([second], 5, principal="alice")
        first.kill()
        wait_equal("n1's state on n2", lambda: second.states().get("n1"), "dead")
        body = self.top(second)
        self.assertEqual([(row["principal"], row["used"]) for row in body["rows"]], [(None, 5)])
        self.assertEqual((body["unnamed"], body["asking"]), (1, 0))
        self.assertIn("#" + body["rows"][0]["key"], self.table(second)[1])
        second.hit(1, principal="alice")  # now it is known here
        self.assertEqual(self.used(second), {"principal=alice": 6})

    def test_forty_thousand_callers_are_read_in_slices_and_named(self):
        callers = 40_000
        first, second = self.cluster(2, config=self.one_rule(1_000_000))
        with first.session() as session:
            for number in range(callers):
                session.check(principal=f"user-{number}", hits=1 + number % 100 + (1000 if number < 5 else 0))
        wait_equal("n2's counters", lambda: second.status()["counters"]["used"], callers)
        hottest = {f"principal=user-{number}": 1001 + number for number in range(5)}

        def all_named():
            body = self.top(second, "-n", "5")
            return body["complete"] and {row["principal"]: row["used"] for row in body["rows"]} == hottest

        wait_until("the hottest five by name", all_named)
        self.assertEqual(self.top(second)["scanned"], callers)
        self.assertEqual(self.used(first, "-n", "5"), hottest)

    def test_wrong_questions(self):
        node = self.node(1).wait_ready()
        for query, word in (("by=heat", "by:"), ("n=0", "n:"), ("n=1001", "n:"), ("rule=", "rule:"), ("what=1", "what"),
                            ("n=1&n=2", "twice")):
            with self.subTest(query=query):
                answer = node.get("/v1/top?" + query)
                self.assertEqual(answer.status, 400)
                self.assertIn(word, answer.json()["message"])
        for arguments in (["--by", "heat"], ["-n", "0"], ["-n", "1001"], ["-n", "x"], ["surplus"]):
            with self.subTest(arguments=arguments):
                result = self.starling("top", *self.server(node), *arguments)
                self.assertEqual((result.returncode, result.stdout), (usage, ""), result)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        down = self.starling("top", "--server", f"http://{self.subnet.host(2)}:{ADMIN_PORT}")
        self.assertEqual((down.returncode, down.stdout), (failed, ""))

    def test_names_that_nobody_asked_for_are_dropped(self):
        node = self.node(1).wait_ready()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for kind in (8, 9):
                stranger.sendto(b"STLG\x01" + bytes([kind]) + bytes(40), (node.address, SYNC_PORT))
        wait_equal("datagrams of another cluster", lambda: node.status()["datagrams"]["dropped"]["wrong_cluster"], 2)
        self.assertEqual(node.get("/livez").status, 200)


if __name__ == "__main__":
    main()
