#!/usr/bin/env python3
"""Changed rules are taken over, on SIGHUP or when the files change; a bad file changes nothing; no count is lost."""

import http.client
import itertools
import signal
import threading
import time

from harness import ClusterCase, CountWatch, long_window, main, wait_equal, wait_until


class ConfigMap:
    """A directory as the kubelet keeps it: `rules.yaml` is a symlink through `..data`, which is renamed over."""

    def __init__(self, directory):
        self._directory = directory
        self._versions = itertools.count(1)
        directory.mkdir()

    def update(self, text):
        version = f"..version_{next(self._versions)}"
        (self._directory / version).mkdir()
        (self._directory / version / "rules.yaml").write_text(text, encoding="utf-8")
        (self._directory / "..data_tmp").symlink_to(version)
        (self._directory / "..data_tmp").rename(self._directory / "..data")
        if not (self._directory / "rules.yaml").is_symlink():
            (self._directory / "rules.yaml").symlink_to("..data/rules.yaml")


class Load:
    """Clients that ask without a pause, each over one connection that is never opened again. Every answer has to be 200 or
    429; anything else, a lost connection above all, is a problem that `stop` reports."""

    def __init__(self, node, clients_count=3, **entries):
        self._node = node
        self._entries = entries
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.admitted = self.answered = 0
        self.slowest_s = 0.0
        self.problems = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients_count)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return self.problems

    def forget_slowest(self):
        with self._lock:
            self.slowest_s = 0.0

    def _run(self):
        try:
            with self._node.session() as session:
                session.connect()
                while not self._ending.is_set():
                    began = time.monotonic()
                    answer = session.check(**self._entries)
                    took_s = time.monotonic() - began
                    with self._lock:
                        self.answered += 1
                        self.admitted += answer.status == 200
                        self.slowest_s = max(self.slowest_s, took_s)
                    if answer.status not in (200, 429):
                        self.problems.append(repr(answer))
        except (OSError, http.client.HTTPException) as problem:
            self.problems.append(repr(problem))


def rule(requests, per, name="each", match='{principal: "*"}'):
    return f"  - {{name: {name}, match: {match}, limits: [{{requests: {requests}, per: {per}}}]}}\n"


class Reload(ClusterCase):
    def setUp(self):
        super().setUp()
        self.window = long_window()[0]

    def limit_of(self, node):
        return int(node.check(principal="probe", hits=0).headers["X-RateLimit-Limit"])

    def text(self, requests):
        return "rules:\n" + rule(requests, self.window)

    def reloads(self, node):
        found = node.status()["reloads"]
        return found["ok"], found["failed"]

    def test_a_new_limit_holds_and_counts_stay(self):
        nodes = self.cluster(2, config=self.one_rule(10, self.window), sync_interval="20ms")
        nodes[0].hit(4, principal="alice")
        self.wait_totals(nodes, 4, principal="alice")
        self.one_rule(5, self.window)
        for node in nodes:
            node.signal(signal.SIGHUP)
            wait_equal("the limit", lambda: self.limit_of(node), 5)
            self.assertEqual(node.total(principal="alice"), 4)
        self.assertEqual(nodes[0].check(principal="alice").status, 200)
        self.wait_totals(nodes, 5, principal="alice")
        self.assertEqual([node.check(principal="alice").status for node in nodes], [429, 429])

    def test_a_bad_file_keeps_the_running_rules(self):
        path = self.one_rule(10, self.window)
        node = self.node(1, config=path).wait_ready()
        rules = node.status()["rules"]
        node.wait_log()
        node.hit(4, principal="alice")
        for text in ("", "rules: {\n", "rulez: []\n", "- 1\n", "rules:\n  - name: each\n    limits: [{requests: x, per: 1s}]\n"):
            with self.subTest(text=text):
                said = node.log().count(path)
                self.rules(text)
                node.signal(signal.SIGHUP)
                wait_until("a word about the file in the log", lambda: node.log().count(path) > said)
                self.assertIn(path, node.status()["reload_error"])
                self.assertEqual(node.status()["rules"], rules)
                self.assertEqual(self.limit_of(node), 10)
        self.one_rule(6, self.window)
        node.signal(signal.SIGHUP)
        wait_equal("the limit", lambda: self.limit_of(node), 6)
        self.assertIsNone(node.status()["reload_error"])
        self.assertEqual(node.total(principal="alice"), 4)

    def test_a_file_that_has_gone_keeps_the_running_rules(self):
        path = self.one_rule(10, self.window)
        node = self.node(1, config=path).wait_ready()
        said = node.wait_log().count(path)
        (self.directory / "rules.yaml").unlink()
        node.signal(signal.SIGHUP)
        wait_until("a word about the file in the log", lambda: node.log().count(path) > said)
        self.assertEqual(self.limit_of(node), 10)

    def test_the_file_is_read_again_when_it_changes_whichever_way(self):
        path = self.directory / "rules.yaml"
        node = self.node(1, config=self.one_rule(10, self.window)).wait_ready()
        node.hit(4, principal="alice")
        self.assertEqual(self.reloads(node), (0, 0))
        path.write_text(self.text(11), encoding="utf-8")  # in place
        wait_equal("the limit", lambda: self.limit_of(node), 11)
        for limit in (12, 13):  # an editor's rename-over, twice: the watch has to survive the first
            (self.directory / ".rules.yaml.new").write_text(self.text(limit), encoding="utf-8")
            (self.directory / ".rules.yaml.new").rename(path)
            wait_equal("the limit", lambda: self.limit_of(node), limit)
        path.unlink()
        wait_until("a word about the missing file", lambda: node.status()["reload_error"])
        self.assertTrue(node.ready())
        path.write_text(self.text(14), encoding="utf-8")
        wait_equal("the limit", lambda: self.limit_of(node), 14)
        self.assertIsNone(node.status()["reload_error"])
        self.assertEqual(node.total(principal="alice"), 4)

    def test_a_config_map_is_followed(self):
        for name, config in (("file", "mounted-file/rules.yaml"), ("directory", "mounted-directory")):
            with self.subTest(name):
                mounted = ConfigMap(self.directory / f"mounted-{name}")
                mounted.update(self.text(10))
                node = self.node(1, config=str(self.directory / config)).wait_ready()
                for limit in (11, 12, 13):
                    mounted.update(self.text(limit))
                    wait_equal("the limit", lambda: self.limit_of(node), limit)
                mounted.update("rules: {\n")
                wait_equal("the refusals", lambda: self.reloads(node)[1], 1)
                mounted.update(self.text(14))
                wait_equal("the limit", lambda: self.limit_of(node), 14)
                self.assertEqual(self.reloads(node), (4, 1))
                node.terminate()

    def test_a_directory_of_files_is_one_configuration(self):
        folder = self.directory / "rules.d"
        folder.mkdir()
        (folder / "20.yaml").write_text(self.text(10), encoding="utf-8")
        (folder / "10.yml").write_text("settings: {node-name: other}\n", encoding="utf-8")
        (folder / ".draft.yaml").write_text("rulez: []\n", encoding="utf-8")
        node = self.node(1, config=str(folder)).wait_ready()

        def names():
            return [each["name"] for each in node.status()["rules"]]

        self.assertEqual(names(), ["each"])
        more = folder / "30.yaml"
        more.write_text("rules:\n" + rule(1, "1h", "login", "{path: /login}"), encoding="utf-8")
        wait_equal("the rules", names, ["each", "login"])
        more.write_text(self.text(11), encoding="utf-8")
        error = wait_until("a refusal", lambda: node.status()["reload_error"])
        self.assertRegex(error, rf"{more}:2:5: .*\"each\" is taken by an earlier rule, in .*20\.yaml:2")
        self.assertTrue(node.ready())
        self.assertEqual(names(), ["each", "login"])
        more.unlink()
        wait_equal("the rules", names, ["each"])
        self.assertIsNone(node.status()["reload_error"])

    def test_a_refusal_is_told_whole_and_the_node_stays_ready(self):
        path = self.one_rule(10, self.window)
        node = self.node(1, config=path).wait_ready()
        self.rules("rulez: []\ndomain: [a]\nlearning: maybe\n")
        wait_equal("the refusals", lambda: self.reloads(node)[1], 1)
        for place in ("1:1", "2:9", "3:11"):
            wait_until(f"the error at {place} in the log", lambda: f"{path}:{place}: " in node.log())
        self.assertTrue(node.ready())
        self.assertEqual(self.limit_of(node), 10)
        shown = self.starling("status", "--server", f"http://{node.address}:9090").stdout
        self.assertRegex(shown, r"reloads +0 ok, 1 refused, the last .* ago")
        self.assertIn("the last reload was refused", shown)

    def test_settings_wait_for_a_restart_and_bad_ones_are_refused(self):
        path = self.rules("settings: {resolve-interval: 3s, node-name: n9}\n" + self.text(10))
        node = self.node(1, config=path).wait_ready()
        self.rules("settings: {resolve-interval: 4s, node-name: n8}\n" + self.text(11))
        wait_equal("the limit", lambda: self.limit_of(node), 11)
        # The harness names the node by a flag, so the file has no say in that.
        wait_until("a warning", lambda: "settings: resolve-interval changed in" in node.log())
        self.assertEqual(node.setting("resolve-interval"), ("3s", "file"))
        self.rules("settings: {resolve-interval: never}\n" + self.text(12))
        error = wait_until("a refusal", lambda: node.status()["reload_error"])
        self.assertTrue(error.startswith(f"{path}:1:12: settings: resolve-interval: "), error)
        self.assertEqual(self.limit_of(node), 11)

    def test_an_untouched_text_is_no_reload(self):
        path = self.directory / "rules.yaml"
        node = self.node(1, config=self.one_rule(10, self.window)).wait_ready()
        for _ in range(3):
            (self.directory / ".new").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
            (self.directory / ".new").rename(path)
            node.signal(signal.SIGHUP)
        # Renamed, not written in place: the last SIGHUP's reader may still be on its way to the file.
        (self.directory / ".new").write_text(self.text(11), encoding="utf-8")
        (self.directory / ".new").rename(path)
        wait_equal("the limit", lambda: self.limit_of(node), 11)
        self.assertEqual(self.reloads(node), (1, 0))

    def test_a_reload_under_load_drops_no_request_and_loses_no_count(self):
        path = self.directory / "rules.yaml"
        node = self.node(1, config=self.one_rule(100, self.window)).wait_ready()
        watch = CountWatch([node], principal="alice")
        load = Load(node, principal="alice")
        wait_equal("the admitted requests", lambda: load.admitted, 100)
        refused = 0
        highest = 100
        for round_number in range(1, 25):
            if round_number % 3 == 0:
                (self.directory / ".new").write_text("rules:\n  - {name: each, match: 5}\n", encoding="utf-8")
                (self.directory / ".new").rename(path)
                node.signal(signal.SIGHUP)
                refused += 1
                wait_equal("the refusals", lambda: self.reloads(node)[1], refused)
                continue
            # Every fifth time a limit that is used up long since: nothing more may pass, and nothing is forgotten.
            limit = highest + 50 if round_number % 5 else 50
            highest = max(highest, limit)
            (self.directory / ".new").write_text(self.text(limit), encoding="utf-8")
            (self.directory / ".new").rename(path)
            if round_number % 4:
                node.signal(signal.SIGHUP)  # sooner than the watch, so that there are many
            wait_equal("the limit", lambda: self.limit_of(node), limit)
            wait_equal("the admitted requests", lambda: load.admitted, highest)
        answered = load.answered
        wait_until("more answers", lambda: load.answered > answered + 100)
        self.assertEqual(load.stop(), [])
        self.assertEqual(load.admitted, highest)
        self.assertEqual(node.total(principal="alice"), highest)
        self.assertEqual(watch.stop(), [])
        self.assertGreater(watch.samples_count, 10)
        self.assertTrue(node.ready())

    def test_a_large_file_is_read_without_a_request_waiting(self):
        path = self.directory / "rules.yaml"
        node = self.node(1, config=self.one_rule(1000, self.window)).wait_ready()
        large = self.text(2000) + "".join(
            rule(1, "1h", f"rule-{number:05}", f"{{path: /some/longer/path/of/an/api/{number:05}}}")
            for number in range(9500))
        self.assertGreater(len(large), 1_000_000)
        load = Load(node, clients_count=1, principal="alice")
        wait_until("some answers", lambda: load.answered > 100)
        (self.directory / ".new").write_text(large, encoding="utf-8")
        load.forget_slowest()
        answered = load.answered
        began = time.monotonic()
        (self.directory / ".new").rename(path)
        node.signal(signal.SIGHUP)
        wait_equal("the reloads", lambda: self.reloads(node), (1, 0))
        took_s = time.monotonic() - began
        # A loop that parses itself answers nothing meanwhile, so that one request waits as long as all of it takes.
        self.assertGreater(load.answered, answered + 10)
        self.assertLess(load.slowest_s, took_s / 2, f"in a reload of {took_s:.2f} s")
        self.assertEqual(load.stop(), [])
        self.assertEqual(self.limit_of(node), 2000)

    def test_a_node_without_the_rule_counts_and_relays_what_others_admit(self):
        """A config rollout: one node does not know the rule yet, and still holds its counts when it learns it."""
        hosts = self.neighborhood(2)
        new = self.node(1, config=self.rules(
            f'rules:\n  - name: fresh\n    match: {{principal: "*"}}\n    limits: [{{requests: 9, per: {self.window}}}]\n', "new.yaml"),
            neighborhood_host=hosts, sync_interval="20ms")
        old = self.node(2, config=self.one_rule(100, self.window), neighborhood_host=hosts, sync_interval="20ms")
        self.wait_together([new, old])
        new.hit(6, principal="alice")
        wait_until("n2 to store the counter", lambda: old.status()["counters"]["used"] >= 1)
        self.rules((self.directory / "new.yaml").read_text(encoding="utf-8"))
        old.signal(signal.SIGHUP)
        wait_equal("the limit", lambda: self.limit_of(old), 9)
        self.wait_totals([new, old], 6, principal="alice")


if __name__ == "__main__":
    main()
