#!/usr/bin/env python3
"""A real Prometheus at three real nodes under load: every query of the dashboard finds data, no alert is even pending while all
is well, and the right one fires when a node dies, rules are refused, DNS goes, a stranger or a hermit appears, or somebody floods.

All waits of the alerts are two seconds here; what they ask is the product's.
"""

import math
import pathlib
import re
import shutil
import sys
import threading

here = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(here.parents[1] / "integration"), str(here.parents[1] / "monitoring")]

from harness import ClusterCase, Clients, main, skip, wait_until  # noqa: E402
from harness.grpc import RATE_LIMIT, GrpcClient, rate_limit_request  # noqa: E402
from contract import HISTOGRAMS, METRICS  # noqa: E402
from product import alerts_file, component, panels, written_out  # noqa: E402
from prometheus import Prometheus, rate_window  # noqa: E402

# What a machine that is busy with other things may add.
weather = {"StarlingLoopStalls", "StarlingLoopSaturated", "StarlingCountsLate", "StarlingPeersFlapping"}
service = "starling-peers.gw.svc.cluster.local"
prometheus_host = 200
deadline_s = 60.0
good_rules = """\
domain: gateway
rules:
  - {name: each, match: {principal: "*"}, limits: [{requests: 100, per: 1s}]}
  - {name: tried, match: {trial: "*"}, limits: [{requests: 2, per: 10s}], learning: true}
  - {name: narrow, match: {flood: "*"}, limits: [{requests: 1, per: 1s}], admission: guarded}
"""
bad_rules = good_rules.replace("per: 1s", "per: soon")

# Queries that find nothing while all is well, and why.
empty_when_well = {
    "Packets refused": "shows only reasons that occur",
    "UDP errors": "shows only reasons that occur",
    "Errors by reason": "shows only reasons that occur",
}


def parsed(page):
    """[(name, {label: value})] of a page of metrics."""
    found = [re.match(r"(\w+)(?:\{(.*)\})? \S+$", line) for line in page.splitlines() if line and not line.startswith("#")]
    return [(each.group(1), dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', each.group(2) or ""))) for each in found]


class Traffic:
    """By HTTP, POST /json and gRPC, a third of it over a limit, until it is stopped."""

    def __init__(self, nodes):
        self._ending = threading.Event()
        self._checks = Clients(nodes, pause_s=0.02, domain="gateway", principal="alice")
        self._problems = []
        self._other = threading.Thread(target=self._run, args=(nodes,), daemon=True)
        self._other.start()

    def _run(self, nodes):
        try:
            with nodes[0].session() as json, GrpcClient(nodes[1].address) as grpc:
                while not self._ending.wait(0.05):
                    answer = json.request("/json", "POST", '{"domain": "gateway", "descriptors": [{"entries": [{"key": "principal", "value": "bob"}]}]}')
                    assert answer.status == 200, answer
                    assert grpc.call(RATE_LIMIT, rate_limit_request("gateway", trial="x" + str(id(answer)))) is not None
        except Exception as problem:  # shown by `stop`
            self._problems.append(problem)

    def stop(self):
        self._ending.set()
        self._other.join()
        self._checks.stop()
        assert not self._problems, self._problems


class Monitoring(ClusterCase):
    def setUp(self):
        super().setUp()
        self.pods = {f"n{number}": self.subnet.host(number) for number in (1, 2, 3)}
        self.dns().set(service, self.pods.values())
        for name in self.pods:
            (self.directory / name).mkdir()
            self.rules(good_rules, f"{name}/rules.yaml")
        self.nodes = [self.start(number) for number in (1, 2, 3)]
        self.wait_together(self.nodes)
        self.prometheus = Prometheus(self.subnet.host(prometheus_host), self.directory, component / "scrape.yaml", alerts_file)
        self.addCleanup(self.prometheus.close)
        self.prometheus.set_pods(self.pods)

    def start(self, number, **settings):
        settings = {"neighborhood_host": service + ".", "config": str(self.directory / f"n{number}/rules.yaml"), "log_level": "info", **settings}
        return self.node(number, dns_servers=self.dns().server, resolve_interval="200ms", **settings)

    def wait_scraped(self):
        wait_until("Prometheus to scrape the pods", lambda: self.prometheus.targets() == {name: "up" for name in self.pods}, deadline_s)

    def wait_quiet(self):
        wait_until("no alert to be pending or firing", lambda: not self.prometheus.alerts() and self.prometheus.query("up"), deadline_s)

    def wait_firing(self, *names):
        """Until these fire; then what people read of them is complete."""
        wait_until(f"{', '.join(names)} to fire", lambda: set(names) <= set(self.prometheus.alert_names("firing")) or None, deadline_s)
        for alert in self.prometheus.alerts():
            for text in alert["annotations"].values():
                self.assertNotRegex(text, r"<no value>|<error|%!", alert)
        # One answer in a second that came too late makes a node look down for a second: pending, no more.
        pending = set(self.prometheus.alert_names("pending")) - {"StarlingNodeDown"}
        return (pending | set(self.prometheus.alert_names("firing"))) - weather

    def results(self):
        """(panel's title, query) -> its values."""
        found = {}
        for panel in panels():
            for target in panel["targets"]:
                query = written_out(target["expr"], job="starling", namespace="gw", rate=rate_window, range_="1m")
                found[panel["title"], query] = [value for _, value in self.prometheus.query(query)]
        return found

    def test_the_dashboard_finds_data_and_no_alert_fires_while_all_is_well(self):
        traffic = Traffic(self.nodes)
        self.wait_scraped()

        def missing():
            return [(title, query) for (title, query), values in self.results().items()
                    if title not in empty_when_well and not any(math.isfinite(value) for value in values)]
        last = []
        try:
            wait_until("every query of the dashboard to find data", lambda: not last.append(missing()) and last[-1] == [], deadline_s)
        except AssertionError:
            self.fail("no data for:\n" + "\n".join(f"{title}: {query}" for title, query in last[-1]))
        self.wait_quiet()
        found = {}

        def all_nodes_move():
            found.update({title: values for (title, _), values in self.results().items()})
            return len([value for value in found["Verdicts per node"] if value > 0]) == 3
        wait_until("all three nodes to decide", all_nodes_move, deadline_s)
        for title in ("Requests", "Packets", "Bytes", "Round trip", "CPU", "Memory", "Uptime"):
            self.assertTrue(any(value != 0 for value in found[title]), title)
        traffic.stop()
        self.wait_quiet()

    def test_a_node_serves_exactly_the_metrics_of_the_contract(self):
        traffic = Traffic(self.nodes)
        wait_until("requests by all protocols", lambda: all(
            f'protocol="{name}"' in self.nodes[0].get("/metrics").body.decode() + self.nodes[1].get("/metrics").body.decode()
            for name in ("http", "json", "grpc")), deadline_s)
        traffic.stop()
        lines = [line for node in self.nodes for line in parsed(node.get("/metrics").body.decode())]
        names, values = {}, {}
        for name, labels in lines:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            name = base if base in HISTOGRAMS else name
            names.setdefault(name, set()).update(set(labels) - {"le"})
            for label, value in labels.items():
                values.setdefault((name, label), set()).add(value)
        expected = {name: set(labels) for name, labels in METRICS.items()}
        self.assertEqual(names, expected)
        for name, labels in METRICS.items():
            for label, allowed in labels.items():
                if allowed is not None and name != "starling_requests_total":
                    self.assertEqual(values[name, label], allowed, f"{name} {label}")

    def test_each_fault_fires_its_alert_and_no_other(self):
        self.wait_scraped()
        self.wait_quiet()
        first, second, third = self.nodes

        self.rules(bad_rules, "n1/rules.yaml")
        self.assertEqual(self.wait_firing("StarlingReloadRefused"), {"StarlingReloadRefused"})
        self.rules(good_rules, "n1/rules.yaml")
        self.wait_quiet()

        self.dns().set(service, [])
        self.assertEqual(self.wait_firing("StarlingDnsFailing"), {"StarlingDnsFailing"})
        self.dns().set(service, self.pods.values())
        self.wait_quiet()

        third.kill()
        fired = self.wait_firing("StarlingNodeDown", "StarlingPeersLost")
        self.assertEqual(fired, {"StarlingNodeDown", "StarlingPeersLost"})
        second.kill()
        fired = self.wait_firing("StarlingIsolated")
        self.assertNotIn("StarlingPartition", fired)
        first.kill()
        self.wait_firing("StarlingNoNodeReady")
        for node in self.nodes:
            node.start()
        self.wait_together(self.nodes)
        self.wait_quiet()

    def test_a_hermit_and_a_stranger_are_noticed(self):
        hermit = self.start(4, neighborhood_host="", config=str(self.directory / "n1/rules.yaml"))
        self.prometheus.set_pods({**self.pods, "n4": hermit.address})
        fired = self.wait_firing("StarlingPartition")
        self.assertNotIn("StarlingIsolated", fired)
        self.prometheus.set_pods(self.pods)
        self.wait_scraped()
        hermit.close()
        self.wait_quiet()

        stranger = self.start(5, cluster="strangers", config=str(self.directory / "n1/rules.yaml"))
        self.dns().set(service, [*self.pods.values(), stranger.address])
        fired = self.wait_firing("StarlingWrongCluster", "StarlingPeersLost")
        self.assertEqual(fired, {"StarlingWrongCluster", "StarlingPeersLost"})
        stranger.close()
        self.dns().set(service, self.pods.values())
        self.wait_quiet()

    def test_a_flood_and_a_learning_rule_are_told_and_wake_nobody(self):
        self.wait_scraped()
        clients = [Clients(self.nodes, domain="gateway", flood="yes"), Clients(self.nodes, domain="gateway", trial="yes")]
        self.wait_firing("StarlingDenialsSurge", "StarlingLearningWouldDeny")
        severities = {alert["labels"]["severity"] for alert in self.prometheus.alerts()
                      if alert["labels"]["alertname"] in ("StarlingDenialsSurge", "StarlingLearningWouldDeny")}
        self.assertEqual(severities, {"info"})
        rules = {alert["labels"]["rule"] for alert in self.prometheus.alerts() if "rule" in alert["labels"]}
        self.assertEqual(rules, {"narrow", "tried"})
        for each in clients:
            each.stop()


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        skip("needs prometheus (apt-get install prometheus)")
    main()
