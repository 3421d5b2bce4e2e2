"""A real Prometheus that scrapes nodes every second, with the product's scrape configuration and a copy of its alert rules in
which all waits are short."""

import json
import os
import re
import subprocess
from urllib.parse import urlencode

from harness import request, wait_until
from harness.node import die_with_parent

port = 9190
rate_window = "6s"


def impatient(rules):
    """The alerts with every wait shortened; what they ask is as it is."""
    rules = re.sub(r"\n( +)for: \w+", r"\n\1for: 2s", rules)
    rules = re.sub(r"\[\d+m\]", f"[{rate_window}]", rules)
    rules = rules.replace("offset 1h", "offset 5m")
    return re.sub(r"< 300\b", "< 5", rules)


class Prometheus:
    """`pods` says who is there: (name, address) of nodes. They come to Prometheus as pods come from Kubernetes: as targets with
    the labels of its discovery, one for each port of each pod, of which the configuration takes what it wants."""

    def __init__(self, address, directory, scrape_file, rules_file):
        self.address = address
        self._targets = directory / "targets.json"
        rules = directory / "impatient.yaml"
        rules.write_text(impatient(rules_file.read_text(encoding="utf-8")), encoding="utf-8")
        # Discovery is what differs: Debian's Prometheus has none of Kubernetes, and there is no Kubernetes to ask.
        scrape = scrape_file.read_text(encoding="utf-8")
        for wanted, instead in (("kubernetes_sd_configs: [{role: pod}]", f"file_sd_configs: [{{files: ['{self._targets}']}}]"),
                                ("scrape_interval: 15s", "scrape_interval: 1s\n    scrape_timeout: 1s"),
                                ("rule_files: [alerts.yaml]", f"rule_files: ['{rules}']")):
            assert scrape.count(wanted) == 1, f"expected '{wanted}' once in {scrape_file}"
            scrape = scrape.replace(wanted, instead)
        config = directory / "prometheus.yaml"
        config.write_text(f"global: {{evaluation_interval: 1s}}\n{scrape}", encoding="utf-8")
        self.set_pods({})
        with open(directory / "prometheus.log", "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}",
                 f"--web.listen-address={address}:{port}", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_until("Prometheus to be ready", lambda: request(address, port, "/-/ready").status == 200)

    def set_pods(self, pods):
        def target(name, address, port_name, number, phase="Running", app="starling"):
            return {"targets": [f"{address}:{number}"], "labels": {
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": app, "__meta_kubernetes_pod_container_port_name": port_name,
                "__meta_kubernetes_pod_phase": phase, "__meta_kubernetes_namespace": "gw", "__meta_kubernetes_pod_name": name}}
        groups = [target(name, address, port_name, number) for name, address in pods.items()
                  for port_name, number in (("http", 8080), ("grpc", 8081), ("admin", 9090))]
        groups.append(target("finished", "127.0.0.250", "admin", 9090, phase="Succeeded"))
        groups.append(target("other", "127.0.0.251", "admin", 9090, app="gateway"))
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps(groups), encoding="utf-8")
        os.replace(written, self._targets)

    def query(self, expression):
        """[(labels, value)] of an instant query, now."""
        answer = request(self.address, port, "/api/v1/query?" + urlencode({"query": expression})).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]

    def alerts(self):
        """Pending and firing ones, as they go to whoever is on duty."""
        return request(self.address, port, "/api/v1/alerts").json()["data"]["alerts"]

    def alert_names(self, *states):
        return sorted({alert["labels"]["alertname"] for alert in self.alerts() if not states or alert["state"] in states})

    def targets(self):
        answer = request(self.address, port, "/api/v1/targets?state=active").json()
        return {each["labels"]["pod"]: each["health"] for each in answer["data"]["activeTargets"]}

    def close(self):
        self._process.kill()
        self._process.wait()
