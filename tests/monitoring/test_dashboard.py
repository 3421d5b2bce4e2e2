#!/usr/bin/env python3
"""The dashboard: what Grafana needs is there, nothing overlaps, every query is PromQL and asks only for what there is."""

import json
import pathlib
import re
import tempfile
import unittest

from contract import HISTOGRAMS, METRICS, OF_PROMETHEUS, labels_of, values_of
from product import dashboard_file, need, panels, run, written_out
from promql import scan

grid_width = 24
units = {"none", "short", "reqps", "ops", "pps", "Bps", "bytes", "s", "percentunit", "bool"}  # of Grafana's, those that are used
deprecated = {"graph", "singlestat", "table-old", "grafana-singlestat-panel"}


def read():
    return json.loads(dashboard_file.read_text(encoding="utf-8"))


def queries():
    """(panel, target) of every query."""
    return [(panel, target) for panel in panels() for target in panel["targets"]]


class Shape(unittest.TestCase):
    def test_it_can_be_imported_anywhere(self):
        board = read()
        self.assertIsNone(board["id"])
        self.assertRegex(board["uid"], r"^[a-z0-9-]{1,40}$")
        self.assertGreaterEqual(board["schemaVersion"], 39)
        variables = {each["name"]: each for each in board["templating"]["list"]}
        self.assertEqual(list(variables), ["datasource", "job", "namespace", "pod", "rule"])
        self.assertEqual((variables["datasource"]["type"], variables["datasource"]["query"]), ("datasource", "prometheus"))
        text = dashboard_file.read_text(encoding="utf-8")
        self.assertEqual(set(re.findall(r'"uid": "([^"]*)"', text)), {board["uid"], "${datasource}"}, "no data source of somebody's")
        for each in [*panels(), *(target for _, target in queries()), *board["annotations"]["list"], *board["templating"]["list"][1:]]:
            self.assertEqual(each["datasource"], {"type": "prometheus", "uid": "${datasource}"})

    def test_it_fits_into_a_configmap(self):
        self.assertLess(dashboard_file.stat().st_size, 250_000)  # kubectl apply keeps a second copy of it in an annotation of 262,144

    def test_rows_cover_what_there_is_to_see(self):
        rows = [panel["title"] for panel in read()["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["At a glance", "Decisions", "Latency", "Neighborhood", "Gossip", "Counters and memory", "Front ends",
                                "Configuration and overrides", "Process"])

    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in read()["panels"]:
            grid = panel["gridPos"]
            self.assertLessEqual(grid["x"] + grid["w"], grid_width, panel["title"])
            for x in range(grid["x"], grid["x"] + grid["w"]):
                for y in range(grid["y"], grid["y"] + grid["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']} and {taken.get((x, y))}")
                    taken[x, y] = panel["title"]

    def test_ids_and_titles_are_unique(self):
        everything = read()["panels"]
        self.assertEqual(len({panel["id"] for panel in everything}), len(everything))
        self.assertEqual(len({panel["title"] for panel in everything}), len(everything))
        for panel in panels():
            names = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(names)), len(names), panel["title"])

    def test_each_panel_says_what_it_shows(self):
        for panel in panels():
            with self.subTest(panel=panel["title"]):
                self.assertNotIn(panel["type"], deprecated)
                self.assertIn(panel["type"], ("timeseries", "stat"))
                self.assertGreater(len(panel["description"]), 5)
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], units)
                self.assertTrue(panel["targets"])
                for override in panel["fieldConfig"]["overrides"]:
                    self.assertIn(override["matcher"]["options"], [target["legendFormat"] for target in panel["targets"]])


class Queries(unittest.TestCase):
    def test_promtool_parses_each(self):
        rules = [{"record": f"panel{panel['id']}:{target['refId']}", "expr": written_out(target["expr"])} for panel, target in queries()]
        rules += [{"record": "annotation", "expr": written_out(each["expr"])} for each in read()["annotations"]["list"]]
        with tempfile.TemporaryDirectory(prefix="starling-dashboard-") as folder:
            path = pathlib.Path(folder) / "queries.yaml"
            path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
            result = run("promtool", "check", "rules", path)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn(f"{len(rules)} rules found", result.stdout)

    def test_they_ask_only_for_metrics_and_labels_that_there_are(self):
        for panel, target in queries():
            selectors, listed = scan(target["expr"])
            self.assertTrue(selectors, target["expr"])
            known = set()
            for metric, matchers in selectors:
                with self.subTest(panel=panel["title"], metric=metric):
                    labels = labels_of(metric)
                    self.assertIsNotNone(labels, "no such metric")
                    known |= labels
                    for label, _, value in matchers:
                        self.assertIn(label, labels)
                        allowed = values_of(metric, label)
                        if allowed is not None:
                            self.assertLessEqual(set(value.split("|")), allowed)
                    if metric not in OF_PROMETHEUS:
                        self.assertLessEqual({("job", "=~", "$job"), ("namespace", "=~", "$namespace"), ("pod", "=~", "$pod")}, set(matchers))
            self.assertLessEqual(listed, known, target["expr"])

    def test_variables_and_annotations_ask_for_what_there_is(self):
        for variable in read()["templating"]["list"][1:]:
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            (metric, matchers), = scan(series)[0]
            self.assertLessEqual({label, *(each for each, _, _ in matchers)}, labels_of(metric))
            self.assertEqual(label, variable["name"])
        for annotation in read()["annotations"]["list"]:
            for metric, matchers in scan(annotation["expr"])[0]:
                self.assertLessEqual({each for each, _, _ in matchers}, labels_of(metric))

    def test_legends_use_labels_of_the_result(self):
        for panel, target in queries():
            used = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            selectors, listed = scan(target["expr"])
            if not re.search(r"\b(sum|max|min|count)\b", re.sub(r"_(sum|max|min|count)\b", "", target["expr"])):
                listed = set.union(*(labels_of(selector.metric) for selector in selectors))  # not aggregated
            self.assertLessEqual(used, listed, f"{panel['title']}: {target['expr']}")

    def test_counters_are_looked_at_by_rate_over_the_interval_that_grafana_chooses(self):
        for panel, target in queries():
            for metric, _ in scan(target["expr"])[0]:
                is_counter = re.search(r"_total$|_bucket$|_(?:sum|count)$", metric) is not None
                ranges = re.findall(rf"(\w+)\({metric}{{[^}}]*}}\[([^\]]*)\]", target["expr"])
                with self.subTest(panel=panel["title"], metric=metric):
                    self.assertEqual(bool(ranges), is_counter)
                    for function, over in ranges:
                        self.assertIn(function, ("rate", "increase"))
                        self.assertIn(over, ("$__rate_interval", "$__range"))

    def test_every_metric_is_on_it(self):
        shown = {re.sub(r"_(bucket|sum|count)$", "", selector.metric) if "seconds_" in selector.metric else selector.metric
                 for _, target in queries() for selector in scan(target["expr"])[0]}
        self.assertEqual(set(METRICS) - shown, set())
        self.assertLessEqual(HISTOGRAMS, shown)


if __name__ == "__main__":
    need("promtool", "apt-get install prometheus")
    unittest.main(verbosity=2)
