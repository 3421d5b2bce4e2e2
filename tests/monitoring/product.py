"""The files under test, and the programs that judge them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

tree = pathlib.Path(__file__).resolve().parents[2]
component = tree / "k8s/components/monitoring"
overlay = tree / "k8s/overlays/monitoring"
alerts_file = component / "alerts.yaml"
dashboard_file = component / "dashboard.json"
manual = tree / "k8s/README.md"
alert_tests = pathlib.Path(__file__).resolve().parent / "alerts"


def need(program, package):
    """Ends the test as skipped without it."""
    if shutil.which(program) is None:
        print(f"skipped: needs {program} ({package})")
        sys.exit(77)


def run(*command):
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200,
                          check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def panels(dashboard=None):
    """Those that show something: rows are left out."""
    return [panel for panel in (dashboard or json.loads(dashboard_file.read_text(encoding="utf-8")))["panels"]
            if panel["type"] != "row"]


def written_out(expression, job=".*", namespace=".*", pod=".*", rule=".*", rate="1m", range_="1h"):
    """A dashboard's query with Grafana's variables replaced as Grafana does."""
    for name, value in (("$__rate_interval", rate), ("$__range", range_), ("$job", job), ("$namespace", namespace), ("$pod", pod),
                        ("$rule", rule)):
        expression = expression.replace(name, value)
    return expression
