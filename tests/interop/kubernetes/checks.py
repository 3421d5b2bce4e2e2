"""What must hold in a set of manifests so that pods start, find each other and stop in peace. Each check takes the documents and
yields complaints, each a sentence; `complaints` runs them all. test_kubernetes.py breaks manifests to see each of them complain."""

from .manifests import of_kind
from .pods import node_container

workload_kinds = ("Deployment", "StatefulSet", "DaemonSet")
recommended = ("name", "instance", "component", "part-of", "managed-by")
labelled = {**{kind: recommended for kind in (*workload_kinds, "Service", "ServiceAccount", "PodDisruptionBudget")},
            **{kind: ("name", "instance", "part-of") for kind in ("NetworkPolicy", "HorizontalPodAutoscaler")}}
selector_keys_allowed = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
volumes_restricted = {"configMap", "secret", "emptyDir", "projected", "downwardAPI", "csi", "persistentVolumeClaim", "ephemeral"}
secrets_of_users = {"starling-admin-token", "starling-keys"}  # made by hand, as the component says
node_ports = {"http": "TCP", "grpc": "TCP", "admin": "TCP", "rate-limit-dc": "UDP", "dc-heartbeat": "UDP"}
port_name_bytes_max = 15


def complaints(documents, facts):
    found = []
    for check in (selectors, references, services, discovery, node_containers, probes, endings, restricted, volumes, labels, policies,
                  resources, images):
        found += [f"{check.__name__}: {each}" for each in check(documents, facts)]
    return found


def workloads(documents):
    return of_kind(documents, *workload_kinds)


def pod_of(workload):
    return workload["spec"]["template"]


def containers_of(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def name_of(document):
    return f"{document['kind']} {document['metadata']['name']}"


def fits(selector, labels_given):
    return bool(selector) and all(labels_given.get(key) == value for key, value in selector.items())


def selected(documents, selector):
    return [each for each in workloads(documents) if fits(selector, pod_of(each)["metadata"]["labels"])]


def selectors(documents, _):
    """Each chooses the pods of exactly one workload, and by labels that never change."""
    where = [(name_of(each), each["spec"]["selector"]["matchLabels"]) for each in workloads(documents)]
    where += [(name_of(each), each["spec"]["selector"]) for each in of_kind(documents, "Service")]
    where += [(name_of(each), each["spec"]["selector"]["matchLabels"]) for each in of_kind(documents, "PodDisruptionBudget")]
    where += [(name_of(each), each["spec"]["podSelector"].get("matchLabels")) for each in of_kind(documents, "NetworkPolicy")]
    where += [(f"the spread of {name_of(each)}", spread["labelSelector"]["matchLabels"]) for each in workloads(documents)
              for spread in pod_of(each)["spec"].get("topologySpreadConstraints", [])]
    for name, selector in where:
        count = len(selected(documents, selector))
        if count != 1:
            yield f"{name}: expected to choose the pods of one workload, found {count} with {selector}"
        if set(selector or {}) - selector_keys_allowed:
            yield f"{name}: expected to choose by labels that never change, found {sorted(selector)}"
    for each in workloads(documents):
        if not fits(each["spec"]["selector"]["matchLabels"], pod_of(each)["metadata"]["labels"]):
            yield f"{name_of(each)}: expected to choose its own pods"


def references(documents, _):
    accounts = {each["metadata"]["name"]: each for each in of_kind(documents, "ServiceAccount")}
    named = {(each["kind"], each["metadata"]["name"]): each for each in documents}
    for each in workloads(documents):
        spec = pod_of(each)["spec"]
        account = accounts.get(spec.get("serviceAccountName"))
        if account is None:
            yield f"{name_of(each)}: expected a ServiceAccount of these manifests, found {spec.get('serviceAccountName')}"
        elif account.get("automountServiceAccountToken") is not False or spec.get("automountServiceAccountToken") is not False:
            yield f"{name_of(each)}: expected no token of its ServiceAccount"
        if each["kind"] == "StatefulSet" and ("Service", each["spec"]["serviceName"]) not in named:
            yield f"{name_of(each)}: expected the Service {each['spec']['serviceName']}"
    for each in of_kind(documents, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        scaled = named.get((target["kind"], target["name"]))
        if scaled is None:
            yield f"{name_of(each)}: expected {target['kind']} {target['name']}, found none"
        elif "replicas" in scaled["spec"]:
            yield f"{name_of(each)}: expected no replicas in {name_of(scaled)}, which every apply would set back"


def services(documents, _):
    for service in of_kind(documents, "Service"):
        for pod in map(pod_of, selected(documents, service["spec"]["selector"])):
            open_ports = {(port["name"], port.get("protocol", "TCP")) for each in containers_of(pod) for port in each.get("ports", [])}
            for port in service["spec"]["ports"]:
                if (port["targetPort"], port.get("protocol", "TCP")) not in open_ports:
                    yield f"{name_of(service)}: expected a container port {port['targetPort']}, found {sorted(open_ports)}"
                if not port.get("name") or len(port["name"]) > port_name_bytes_max:
                    yield f"{name_of(service)}: expected a name of at most {port_name_bytes_max} characters, found {port.get('name')}"
                if port["name"] == "grpc" and port.get("appProtocol") != "kubernetes.io/h2c":
                    yield f"{name_of(service)}: expected gRPC as kubernetes.io/h2c, found {port.get('appProtocol')}"


def discovery(documents, facts):
    """What a node's neighborhood names is a headless Service of both UDP ports, that lists pods which are not ready."""
    found = {each["metadata"]["name"]: each["spec"] for each in of_kind(documents, "Service")}
    for workload, container in nodes(documents):
        hosts = [each["value"] for each in container.get("env", []) if facts.variables.get(each["name"]) == "--neighborhood-host"]
        spec = found.get(hosts[0]) if hosts else None
        if spec is None:
            yield f"{name_of(workload)}: expected a neighborhood that is a Service here, found {hosts}"
            continue
        if spec.get("clusterIP") != "None" or spec.get("publishNotReadyAddresses") is not True:
            yield f"Service {hosts[0]}: expected it headless with publishNotReadyAddresses, found {spec}"
        udp = {port["targetPort"] for port in spec["ports"] if port.get("protocol") == "UDP"}
        if udp != {"rate-limit-dc", "dc-heartbeat"}:
            yield f"Service {hosts[0]}: expected both UDP ports by name, found {sorted(udp)}"
        if not fits(spec["selector"], pod_of(workload)["metadata"]["labels"]):
            yield f"Service {hosts[0]}: expected it to choose the pods of {name_of(workload)}"


def nodes(documents):
    found = [(each, node_container(pod_of(each))) for each in workloads(documents)]
    return [(workload, container) for workload, container in found if container is not None]


def node_containers(documents, facts):
    if not nodes(documents):
        yield "expected a workload that runs nodes, found none"
    for workload, container in nodes(documents):
        found = {port["name"]: port.get("protocol", "TCP") for port in container["ports"]}
        if found != node_ports:
            yield f"{name_of(workload)}: expected the ports {node_ports}, found {found}"
        if container.get("command", [])[:2] != ["/usr/bin/starling", "node"]:
            yield f"{name_of(workload)}: expected the binary without a shell, found {container.get('command')}"
        for each in container.get("env", []):
            if each["name"] not in facts.variables:
                yield f"{name_of(workload)}: expected variables that `starling node --help` names, found {each['name']}"
        if pod_of(workload)["spec"].get("enableServiceLinks") is not False:
            yield f"{name_of(workload)}: expected enableServiceLinks false"
        sidecars = pod_of(workload)["spec"].get("initContainers", [])
        if container in sidecars and container.get("restartPolicy") != "Always":
            yield f"{name_of(workload)}: expected restartPolicy Always, or the pod waits for the node to end"


def probes(documents, _):
    for workload, container in nodes(documents):
        for name, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
            asked = container.get(name, {}).get("httpGet")
            if asked != {"path": path, "port": "admin"}:
                yield f"{name_of(workload)}: expected {name} to ask {path} on port admin, found {asked}"
    for workload in workloads(documents):
        for container in containers_of(pod_of(workload)):
            names = {port["name"] for port in container.get("ports", [])}
            for name in ("readinessProbe", "livenessProbe"):
                probe = container.get(name, {})
                port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
                if port not in names:
                    yield f"{name_of(workload)}: expected {name} of {container['name']} on one of {sorted(names)}, found {port}"


def endings(documents, facts):
    """The kubelet waits longer than everything that happens before: preStop of all at once, then main containers, then sidecars."""
    for workload in workloads(documents):
        spec = pod_of(workload)["spec"]
        sleeps = [each.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) for each in containers_of(pod_of(workload))]
        if not any(sleeps):
            yield f"{name_of(workload)}: expected a preStop sleep, so that gateways hear of the end before it comes"
        container = node_container(pod_of(workload))
        needed = max(sleeps) + (facts.drain_seconds(container) if container else 0)
        if spec["terminationGracePeriodSeconds"] <= needed:
            yield f"{name_of(workload)}: expected more than {needed:g} s of grace, found {spec['terminationGracePeriodSeconds']}"


def restricted(documents, _):
    """Kubernetes' Pod Security Standard `restricted`, and a read-only root beyond it."""
    for workload in workloads(documents):
        spec = pod_of(workload)["spec"]
        of_pod = spec.get("securityContext", {})
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                yield f"{name_of(workload)}: expected no {key}"
        for container in containers_of(pod_of(workload)):
            context = {**of_pod, **container.get("securityContext", {})}
            wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                      "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}}
            for key, value in wanted.items():
                if context.get(key) != value:
                    yield f"{name_of(workload)}: expected {key} {value} of {container['name']}, found {context.get(key)}"
            if not context.get("runAsUser"):
                yield f"{name_of(workload)}: expected a user that is not root for {container['name']}"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{name_of(workload)}: expected no hostPort"


def volumes(documents, _):
    held = {each["metadata"]["name"]: each for each in of_kind(documents, "ConfigMap")}
    for workload in workloads(documents):
        spec = pod_of(workload)["spec"]
        known = {}
        for volume in spec.get("volumes", []):
            known[volume["name"]] = volume
            if set(volume) - {"name"} - volumes_restricted:
                yield f"{name_of(workload)}: expected no volume of the machine's, found {volume}"
            if "configMap" in volume and volume["configMap"]["name"] not in held:
                yield f"{name_of(workload)}: expected the ConfigMap {volume['configMap']['name']}, found {sorted(held)}"
            if "secret" in volume and volume["secret"]["secretName"] not in secrets_of_users:
                yield f"{name_of(workload)}: expected one of the Secrets {sorted(secrets_of_users)}, found {volume}"
            if "secret" in volume and (volume["secret"]["defaultMode"] != 0o440 or "fsGroup" not in spec["securityContext"]):
                yield f"{name_of(workload)}: expected a Secret that only its group reads, found {volume}"
        mounted = [mount for container in containers_of(pod_of(workload)) for mount in container.get("volumeMounts", [])]
        for mount in mounted:
            if mount["name"] not in known:
                yield f"{name_of(workload)}: expected the volume {mount['name']}"
            if "subPath" in mount or "subPathExpr" in mount:
                yield f"{name_of(workload)}: expected no subPath, which never updates, found {mount}"
        for name in set(known) - {mount["name"] for mount in mounted}:
            yield f"{name_of(workload)}: expected the volume {name} to be mounted"


def labels(documents, _):
    for each in documents:
        found = each["metadata"].get("labels", {})
        missing = [name for name in labelled.get(each["kind"], ()) if f"app.kubernetes.io/{name}" not in found]
        if missing:
            yield f"{name_of(each)}: expected the labels {missing}"
    for workload, _container in nodes(documents):
        if pod_of(workload)["metadata"]["labels"].get("app.kubernetes.io/name") != "starling":
            yield f"{name_of(workload)}: expected pods with nodes to be called starling, for monitors choose them by that"


def policies(documents, _):
    for policy in of_kind(documents, "NetworkPolicy"):
        spec = policy["spec"]
        for workload in selected(documents, spec["podSelector"]["matchLabels"]):
            pod = pod_of(workload)
            declared = {(port.get("protocol", "TCP"), port["containerPort"], port["name"])
                        for each in containers_of(pod) for port in each["ports"]}
            gossip = {(protocol, port) for protocol, port, _name in declared if protocol == "UDP"}
            let_in = {_port(port) for rule in spec.get("ingress", []) for port in rule["ports"]}
            for unknown in let_in - {(protocol, port) for protocol, port, _name in declared}:
                yield f"{name_of(policy)}: expected ports of {name_of(workload)}, found {unknown}"
            if ("TCP", 9090) not in let_in:
                yield f"{name_of(policy)}: expected monitoring to reach port 9090"
            for side, word in (("ingress", "from"), ("egress", "to")):
                if side.title() not in spec["policyTypes"]:
                    continue
                among = {_port(port) for rule in spec[side] for port in rule["ports"]
                         if any(fits(peer.get("podSelector", {}).get("matchLabels"), pod["metadata"]["labels"])
                                and "namespaceSelector" not in peer for peer in rule.get(word, []))}
                if not gossip <= among:
                    yield f"{name_of(policy)}: expected {side} {sorted(gossip)} among the pods, found {sorted(among)}"
            if "Egress" in spec["policyTypes"]:
                out = {_port(port) for rule in spec["egress"] for port in rule["ports"]}
                if not {("UDP", 53), ("TCP", 53)} <= out:
                    yield f"{name_of(policy)}: expected DNS by UDP and TCP, found {sorted(out)}"
            for rule in spec.get("ingress", []):
                if not rule.get("from") and {_port(port) for port in rule["ports"]} & gossip:
                    yield f"{name_of(policy)}: expected gossip from nodes only, found it open to everybody"


def _port(port):
    return port.get("protocol", "TCP"), port["port"]


def resources(documents, _):
    for workload in workloads(documents):
        for container in containers_of(pod_of(workload)):
            found = container.get("resources", {})
            if not {"cpu", "memory"} <= set(found.get("requests", {})) or "memory" not in found.get("limits", {}):
                yield f"{name_of(workload)}: expected requests of CPU and memory and a memory limit for {container['name']}, found {found}"


def images(documents, facts):
    for workload, container in nodes(documents):
        labelled_version = pod_of(workload)["metadata"]["labels"].get("app.kubernetes.io/version")
        if container["image"] != f"starling:{facts.version}" or labelled_version != facts.version:
            yield f"{name_of(workload)}: expected version {facts.version}, found {container['image']} and the label {labelled_version}"
    for workload in workloads(documents):
        for container in containers_of(pod_of(workload)):
            name, _, tag = container["image"].partition(":")
            if not tag or tag == "latest" or "." in name.split("/")[0]:
                yield f"{name_of(workload)}: expected an image with a version and without a registry's host, found {container['image']}"
