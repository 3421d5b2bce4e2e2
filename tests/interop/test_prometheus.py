#!/usr/bin/env python3
"""A real Prometheus reads real nodes: it finds nothing to complain about, and its sums are what clients counted, across a
rolling restart too."""

import json
import pathlib
import shutil
import subprocess
import sys
import threading
from urllib.parse import urlencode

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ADMIN_PORT, ClusterCase, long_window, main, request, skip, wait_equal, wait_until  # noqa: E402
from harness.node import die_with_parent  # noqa: E402

prometheus_host, prometheus_port = 200, 9091
decisions = "starling_decisions_total"


class Prometheus:
    """The server, reading the nodes of a file every quarter of a second."""

    def __init__(self, case, nodes):
        self._address = case.subnet.host(prometheus_host)
        self._targets = case.directory / "targets.json"
        self._targets.write_text("[]", encoding="utf-8")
        self.find(nodes)
        config = case.directory / "prometheus.yaml"
        config.write_text(f"""
global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
  - job_name: starling
    file_sd_configs: [{{files: ["{self._targets}"], refresh_interval: 1s}}]
""", encoding="utf-8")
        with open(case.directory / "prometheus.log", "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={case.directory / 'tsdb'}",
                 f"--web.listen-address={self._address}:{prometheus_port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=case.directory, preexec_fn=die_with_parent)
        case.addCleanup(self._close)
        wait_until("Prometheus to be ready", lambda: self._get("/-/ready").status == 200)

    def find(self, nodes):
        """From now on these are its targets."""
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps([{"targets": [f"{node.address}:{ADMIN_PORT}" for node in nodes]}]), encoding="utf-8")
        written.rename(self._targets)

    def query(self, text):
        """The result: a list of {metric, value} or {metric, values}."""
        answer = self._get("/api/v1/query?" + urlencode({"query": text})).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def value(self, text):
        """The one number that it is; None if there is none."""
        found = self.query(text)
        assert len(found) <= 1, f"expected one value of {text}, found {found}"
        return float(found[0]["value"][1]) if found else None

    def sums(self):
        """(rule, result) -> all that was ever counted, by the samples as they are: what a restart lost is added up."""
        sums = {}
        for series in self.query(decisions + "[1h]"):
            values = [float(value) for _, value in series["values"]]
            total = values[-1] + sum(before for before, after in zip(values, values[1:]) if after < before)
            key = (series["metric"]["rule"], series["metric"]["result"])
            sums[key] = sums.get(key, 0) + total
        return sums

    def errors(self):
        """What its targets gave it to complain about."""
        targets = self._get("/api/v1/targets").json()["data"]["activeTargets"]
        return {target["scrapeUrl"]: target["lastError"] for target in targets if target["lastError"]}

    def _get(self, target):
        return request(self._address, prometheus_port, target)

    def _close(self):
        self._process.kill()
        self._process.wait()


class Client:
    """Asks one node without a pause, a hundred principals in turn, and keeps the account until it is stopped."""

    def __init__(self, node):
        self.allowed = self.learned = self.denied = 0
        self._problem = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(node,), daemon=True)
        self._thread.start()

    def _run(self, node):
        try:
            with node.session() as session:
                asked = 0
                while not self._ending.is_set():
                    answer = session.check(principal=f"caller-{asked % 100}")
                    asked += 1
                    if answer.status == 429:
                        self.denied += 1
                    elif answer.headers["Starling-Learning"]:
                        self.learned += 1
                    else:
                        assert answer.status == 200, answer
                        self.allowed += 1
        except Exception as problem:  # noqa: BLE001  # for `stop` to tell
            self._problem = problem

    def stop(self):
        self._ending.set()
        self._thread.join()
        assert self._problem is None, self._problem
        return self


class RealPrometheus(ClusterCase):
    def promtool(self, text):
        """What `promtool check metrics` says, and whether it is content."""
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False, timeout=60)
        return checked.returncode, (checked.stdout + checked.stderr).decode()

    def rules_text(self):
        window = long_window()[0]
        return f"""
rules:
  - {{name: each, match: {{principal: "*"}}, limits: [{{requests: 12, per: {window}}}]}}
  - {{name: shadow, match: {{principal: "*"}}, limits: [{{requests: 4, per: {window}}}], learning: true}}
"""

    def test_promtool_finds_nothing_to_say(self):
        names = [r"quote\"", r"line\nend", r"back\\slash", r"nul\0", r"\x01\x1b[2J\r", "\u00fcmlaut \U0001f426", "(others)"]
        rules = "".join(f'  - {{name: "{name}", match: {{principal: "*"}}, limits: [{{requests: 9, per: 1d}}]}}\n' for name in names)
        first, _ = self.cluster(2, config=self.rules("rules:\n" + rules))
        first.hit(3, principal="alice")
        self.assertEqual(self.promtool(first.get("/metrics").body), (0, ""))
        self.assertNotEqual(self.promtool(b"starling_x_total 1\n")[0], 0, "promtool can complain")

    def test_a_node_alone_with_hostile_names_is_read(self):
        names = [r"quote\"", r"line\nend", r"back\\slash", r"nul\0", "".join(f"\\x{code:02x}" for code in range(1, 32)), "\\x7f\u00fc"]
        rules = "".join(f'  - {{name: "{name}", match: {{principal: "*"}}, limits: [{{requests: 9, per: 1d}}]}}\n' for name in names)
        node = self.node(1, config=self.rules("rules:\n" + rules)).wait_ready()
        node.hit(3, principal="alice")
        prometheus = Prometheus(self, [node])
        wait_equal("decisions", lambda: prometheus.value(f'sum({decisions}{{result="allowed"}})'), 3.0 * len(names))
        self.assertEqual(prometheus.errors(), {})
        found = {series["metric"]["rule"] for series in prometheus.query(decisions)}
        self.assertEqual(found, {dict(labels)["rule"] for labels in node.metrics().values(decisions)})
        self.assertEqual(prometheus.value("sum(starling_peers)"), 0)

    def test_sums_are_what_clients_counted_across_a_rolling_restart(self):
        nodes = self.cluster(3, config=self.rules(self.rules_text()), log_level="info")
        prometheus = Prometheus(self, nodes)
        wait_equal("targets that are up", lambda: prometheus.value("sum(up)"), 3.0)
        clients = {node: Client(node) for node in nodes}
        done = []
        for node in nodes:
            wait_until("clients to be busy", lambda: all(client.denied > 200 for client in clients.values()))
            done.append(clients.pop(node).stop())
            self.wait_read(prometheus, node)
            self.assertEqual(node.terminate(), 0)
            node.start().wait_ready()
            where = f'{{instance="{node.address}:{ADMIN_PORT}"}}'
            wait_equal("a new life of " + node.name, lambda: prometheus.value(f"sum({decisions}{where})"), 0.0)
            clients[node] = Client(node)
        wait_until("clients to be busy", lambda: all(client.denied > 200 for client in clients.values()))
        done += [client.stop() for client in clients.values()]
        for node in nodes:
            self.wait_read(prometheus, node)

        def total(what):
            return float(sum(getattr(client, what) for client in done))

        # Each request meets both rules.
        sums = prometheus.sums()
        passed, denied, learned = total("allowed") + total("learned"), total("denied"), total("learned")
        self.assertEqual({result: sums["each", result] for result in ("allowed", "learning_denied", "denied")},
                         {"allowed": passed, "learning_denied": 0.0, "denied": denied})
        self.assertEqual(sums["shadow", "allowed"] + sums["shadow", "learning_denied"], passed + denied)
        # What the one denies has long been above the other, wherever the news came in that order.
        self.assertGreaterEqual(learned, 1)
        self.assertGreaterEqual(sums["shadow", "learning_denied"], learned)
        self.assertLessEqual(sums["shadow", "learning_denied"], learned + denied)
        self.assertEqual(sums["shadow", "denied"], 0)
        self.assertEqual(prometheus.errors(), {})

    def wait_read(self, prometheus, node):
        """Until Prometheus has read what the node has counted so far."""
        said = node.metrics().sum(decisions)
        where = f'{{instance="{node.address}:{ADMIN_PORT}"}}'
        wait_equal("what Prometheus read of " + node.name, lambda: prometheus.value(f"sum({decisions}{where})"), said)


if __name__ == "__main__":
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            skip(f"no {program} in PATH; Debian's package prometheus brings it")
    main()
