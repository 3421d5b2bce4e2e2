#!/usr/bin/env python3
"""What `kubectl apply -k k8s/overlays/monitoring` would send: the base, and a PodMonitor, rules and dashboard that fit it.

And the scrape configuration for a Prometheus without operator.
"""

import json
import pathlib
import shutil
import tempfile
import unittest

import yaml_here
from product import alerts_file, component, dashboard_file, overlay, run, tree


class Overlay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("kubectl") is None or run("kubectl", "kustomize", "--help").returncode != 0:
            raise unittest.SkipTest("needs kubectl 1.27 or newer")
        result = run("kubectl", "kustomize", overlay)
        assert result.returncode == 0, result.stderr
        cls.objects = {(each["kind"], each["metadata"]["name"]): each for each in yaml_here.load_all(result.stdout)}

    def test_it_is_the_base_and_three_objects(self):
        base = {(each["kind"], each["metadata"]["name"]) for each in yaml_here.load_all(run("kubectl", "kustomize", tree / "k8s/base").stdout)}
        self.assertGreater(len(base), 3)
        self.assertEqual(set(self.objects) - base, {("PodMonitor", "starling"), ("PrometheusRule", "starling"), ("ConfigMap", "starling-dashboard")})
        self.assertLessEqual(base, set(self.objects))

    def test_the_podmonitor_finds_the_pods_and_their_port(self):
        monitor = self.objects["PodMonitor", "starling"]["spec"]
        pod = self.objects["Deployment", "starling"]["spec"]["template"]
        self.assertEqual(set(monitor["selector"]), {"matchLabels"})
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), pod["metadata"]["labels"].items())
        endpoint, = monitor["podMetricsEndpoints"]
        ports = {port["name"]: port["containerPort"] for container in pod["spec"]["containers"] for port in container["ports"]}
        self.assertEqual((endpoint["port"], ports[endpoint["port"]], endpoint["path"]), ("admin", 9090, "/metrics"))
        self.assertEqual(endpoint["relabelings"], [{"targetLabel": "job", "replacement": "starling"}])

    def test_the_rules_arrive_as_they_are(self):
        self.assertEqual(self.objects["PrometheusRule", "starling"]["spec"], yaml_here.load(alerts_file.read_text(encoding="utf-8")))

    def test_grafanas_sidecar_finds_the_dashboard(self):
        config = self.objects["ConfigMap", "starling-dashboard"]
        self.assertEqual(config["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(json.loads(config["data"]["starling.json"]), json.loads(dashboard_file.read_text(encoding="utf-8")))


class Scrape(unittest.TestCase):
    def test_it_is_a_prometheus_configuration(self):
        """Debian's Prometheus has no Kubernetes discovery: that one line is taken for a list of targets."""
        if shutil.which("promtool") is None:
            self.skipTest("needs promtool (apt-get install prometheus)")
        config = yaml_here.load((component / "scrape.yaml").read_text(encoding="utf-8"))
        job, = config["scrape_configs"]
        self.assertEqual(job.pop("kubernetes_sd_configs"), [{"role": "pod"}])
        job["static_configs"] = [{"targets": ["127.0.0.1:9090"]}]
        config["rule_files"] = [str(component / name) for name in config["rule_files"]]
        with tempfile.TemporaryDirectory(prefix="starling-scrape-") as folder:
            path = pathlib.Path(folder) / "prometheus.yaml"
            path.write_text(json.dumps(config), encoding="utf-8")
            result = run("promtool", "check", "config", path)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
