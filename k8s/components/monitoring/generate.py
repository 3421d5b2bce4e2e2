#!/usr/bin/env python3
"""Usage: generate.py [--check]

Makes prometheusrule.yaml of alerts.yaml, and dashboard.json of panels.py, in the folder of this file. kubectl needs both as
files; nobody should have to write either twice. --check writes nothing and says which of them is not what it should be.

Exit codes: 0 done, 1 not up to date, 2 wrong usage.
"""

import json
import pathlib
import re
import sys

import panels

folder = pathlib.Path(__file__).resolve().parent
grid_width = 24
schema_version = 39  # Grafana 11; older ones read it too

rule_head = """\
# Made of alerts.yaml by generate.py: change that one, and run this one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: starling
  labels: {app.kubernetes.io/name: starling, app.kubernetes.io/component: monitoring}
spec:
"""


def prometheus_rule():
    text = (folder / "alerts.yaml").read_text(encoding="utf-8")
    lines = text[text.index("\ngroups:") + 1:].splitlines()
    return rule_head + "".join(f"  {line}\n" if line else "\n" for line in lines)


# --- the dashboard

datasource = {"type": "prometheus", "uid": "${datasource}"}
chosen = 'job=~"$job", namespace=~"$namespace", pod=~"$pod"'


def promql(query):
    """The shorthand of panels.py written out."""
    def selector(match):
        inner = match.group(2)
        return f"{match.group(1)}{{{inner + ', ' if inner else ''}{chosen}}}"
    query = re.sub(r"\b((?:starling|process)_\w+)\{([^}]*)\}", selector, query)
    return query.replace("[rate]", "[$__rate_interval]")


def steps(thresholds):
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in thresholds or [("green", None)]]}


def draw(panel, identity, x, y):
    is_graph = panel["type"] == "timeseries"
    defaults = {"unit": panel["unit"], "thresholds": steps(panel.get("thresholds"))}
    if "max" in panel:
        defaults.update(min=0, max=panel["max"])
    options = {"colorMode": "value", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]},
               "textMode": panel.get("text", "auto")}
    if is_graph:
        stacking = {"mode": "normal" if panel.get("stack") else "none", "group": "A"}
        defaults["color"] = {"mode": "palette-classic"}
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 20 if panel.get("stack") else 0, "showPoints": "never", "stacking": stacking}
        options = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
                   "tooltip": {"mode": "multi", "sort": "desc"}}
    overrides = [] if "dashed" not in panel else [
        {"matcher": {"id": "byName", "options": panel["dashed"]},
         "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}]}]
    targets = [{"refId": chr(ord("A") + index), "datasource": datasource, "expr": promql(query), "legendFormat": legend}
               for index, (query, legend) in enumerate(panel["queries"])]
    return {"id": identity, "type": panel["type"], "title": panel["title"], "description": panel["description"],
            "datasource": datasource, "gridPos": {"x": x, "y": y, "w": panel["width"], "h": panel["height"]},
            "fieldConfig": {"defaults": defaults, "overrides": overrides}, "options": options, "targets": targets}


def lay_out():
    """Panels from left to right; a row, and a line that is full, begin anew on the left."""
    drawn, y = [], 0
    for title, row in panels.ROWS:
        drawn.append({"id": len(drawn) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                      "gridPos": {"x": 0, "y": y, "w": grid_width, "h": 1}})
        x, y, height = 0, y + 1, 0
        for panel in row:
            if x + panel["width"] > grid_width:
                x, y, height = 0, y + height, 0
            drawn.append(draw(panel, len(drawn) + 1, x, y))
            x, height = x + panel["width"], max(height, panel["height"])
        y += height
    return drawn


def variable(name, label, query):
    # "All" is .* rather than a list of all: outside of Kubernetes nothing has a pod or a namespace, and all nodes are shown.
    return {"name": name, "label": label, "type": "query", "datasource": datasource, "definition": query,
            "query": {"query": query, "refId": f"variable-{name}"}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": []}


def dashboard():
    variables = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "current": {},
         "options": []},
        variable("job", "Job", "label_values(starling_node_info, job)"),
        variable("namespace", "Namespace", 'label_values(starling_node_info{job=~"$job"}, namespace)'),
        variable("pod", "Pod", 'label_values(starling_node_info{job=~"$job", namespace=~"$namespace"}, pod)'),
        variable("rule", "Rule", f"label_values(starling_decisions_total{{{chosen}}}, rule)"),
    ]
    return {
        "id": None, "uid": "starling-cluster", "title": "Starling", "tags": ["starling", "rate-limiting"], "editable": True,
        "description": "A cluster of Starling rate limiter nodes: what they decide, how they hear each other, what they cost.",
        "schemaVersion": schema_version, "version": 1, "graphTooltip": 1, "refresh": "30s", "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"}, "links": [],
        "annotations": {"list": [{
            "name": "Starts of nodes", "enable": True, "iconColor": "purple", "datasource": datasource, "titleFormat": "start",
            "textFormat": panels.NODE_LEGEND, "expr": promql("process_start_time_seconds{} * 1000"), "useValueForTime": True}]},
        "templating": {"list": variables}, "panels": lay_out(),
    }


def as_lines(document):
    """JSON with a line for each panel, so that a diff tells which of them changed."""
    head = {**document, "panels": "PANELS"}
    lines = ",\n".join("    " + json.dumps(panel) for panel in document["panels"])
    return json.dumps(head, indent=1).replace('"PANELS"', f"[\n{lines}\n ]") + "\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        wanted_help = arguments in (["--help"], ["-h"])
        print(__doc__ if wanted_help else f"generate.py: {' '.join(arguments)}: expected --check or nothing",
              file=sys.stdout if wanted_help else sys.stderr)
        return 0 if wanted_help else 2
    verdict = 0
    for name, text in {"prometheusrule.yaml": prometheus_rule(), "dashboard.json": as_lines(dashboard())}.items():
        path = folder / name
        if not arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path}: expected what generate.py makes, found something else; run generate.py", file=sys.stderr)
            verdict = 1
    return verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
