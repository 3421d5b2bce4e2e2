"""What k8s/base says of a pod and of its rollout, as far as a cluster without Kubernetes can do it too.

The defaults are Kubernetes'. What the manifest asks of a container engine (image, security context, resources, topology)
is left out: a pod here is a process in namespaces of its own.
"""

import dataclasses

from cluster.yaml import YamlError, read


@dataclasses.dataclass
class Probe:
    path: str
    port: int
    period_s: float = 10
    timeout_s: float = 1
    initial_delay_s: float = 0
    failures_max: int = 3


@dataclasses.dataclass
class PodTemplate:
    arguments: list            # behind the name of the program
    environment: dict          # name -> value; the one of the pod's name is in name_variable
    name_variable: str
    config_path: str           # where the ConfigMap is mounted
    startup: Probe
    readiness: Probe
    liveness: Probe
    pre_stop_s: float
    grace_s: float
    surge_max: int
    unavailable_max: int
    replicas: int


def read_template(path):
    """Error: YamlError, one line."""
    with open(path, encoding="utf-8") as file:
        deployment = read(file.read(), path)
    try:
        spec = deployment["spec"]
        pod = spec["template"]["spec"]
        container, = pod["containers"]
        plain = {each["name"]: str(each["value"]) for each in container["env"] if "value" in each}
        from_name, = [each["name"] for each in container["env"] if "value" not in each]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        rolling = spec["strategy"]["rollingUpdate"]
        probes = [_probe(container[name], ports) for name in ("startupProbe", "readinessProbe", "livenessProbe")]
        return PodTemplate(
            container["command"][1:], plain, from_name, container["volumeMounts"][0]["mountPath"], *probes,
            container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0),
            pod.get("terminationGracePeriodSeconds", 30), rolling["maxSurge"], rolling["maxUnavailable"],
            spec.get("replicas", 1))
    except (KeyError, TypeError, ValueError) as problem:
        raise YamlError(f"{path}: expected a Deployment of one container with probes, ports, env and a rolling update, "
                        f"found something else ({problem!r}); scripts/lib/cluster/manifest.py reads it") from None


def _probe(said, ports):
    get = said["httpGet"]
    return Probe(get["path"], ports.get(get["port"], get["port"]), said.get("periodSeconds", 10), said.get("timeoutSeconds", 1),
                 said.get("initialDelaySeconds", 0), said.get("failureThreshold", 3))
