#!/usr/bin/env python3
"""k8s/ without Kubernetes: every overlay and component built by a real kustomize, held against the schemas of many versions of
Kubernetes and against the binary itself; pods of them started as far as addresses of one machine go, with nginx in front."""

import copy
import functools
import http.client
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from envoy_proxy import Envoy, envoy_binary, replaced

from kubernetes import (Facts, Kustomize, complaints, components, configmap_volume, environment_of, node_container, of_kind,
                        overlays)
from kubernetes.checks import nodes, pod_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import ClusterCase, binary, free_of_settings, long_window, main, request, skip, wait_equal, wait_until  # noqa: E402

tree = pathlib.Path(__file__).resolve().parents[2]
gateways = tree / "scripts/gateways"
kustomize = Kustomize()
kubernetes_minor_min = 30  # from which on preStop sleeps without a shell; k8s/README.md says so
with_crds = {"PodMonitor", "PrometheusRule", "ServiceMonitor"}
zone = "test.svc.cluster.local"


@functools.cache
def sets():
    """name -> documents of everything that a user may apply: overlays alone, and base with each component and with all of them."""
    found = {name: kustomize.build(name) for name in overlays()}
    for name in components():
        found[f"base + {name}"] = kustomize.build("base", name)
    found["base + everything"] = kustomize.build("base", *components())
    found["overlays/statefulset + admin-token"] = kustomize.build("overlays/statefulset", "components/admin-token")
    found["overlays/daemonset + sealed"] = kustomize.build("overlays/daemonset", "components/sealed")
    found["overlays/envoy-ratelimit + networkpolicy"] = kustomize.build("overlays/envoy-ratelimit", "components/networkpolicy")
    return found


class ManifestCase(ClusterCase):
    @classmethod
    def setUpClass(cls):
        cls.sets = sets()
        cls.facts = Facts(binary(), free_of_settings())


class Manifests(ManifestCase):
    def test_all_of_them_hold_together_and_fit_the_binary(self):
        for name, documents in self.sets.items():
            with self.subTest(set=name):
                self.assertEqual(complaints(documents, self.facts), [])

    def test_every_version_of_kubernetes_knows_every_field(self):
        try:
            import kubernetes_validate
        except ImportError:
            self.skipTest("no kubernetes-validate; scripts/interop --install --only kubernetes brings it")
        utils = kubernetes_validate.utils
        self.addCleanup(setattr, utils, "schema_contents", utils.schema_contents)
        utils.schema_contents = functools.cache(utils.schema_contents)  # else a megabyte is read for each document
        versions = [each for each in kubernetes_validate.utils.all_versions() if int(each.split(".")[1]) >= kubernetes_minor_min]
        self.assertGreater(len(versions), 2)
        checked = {}
        for name, documents in self.sets.items():
            for document in documents:
                if document["kind"] not in with_crds:
                    checked[repr(document)] = (name, document)
        for version in versions:
            for name, document in checked.values():
                with self.subTest(set=name, kind=document["kind"], version=version):
                    kubernetes_validate.validate(document, version, strict=True)
        broken = copy.deepcopy(self.sets["base"])
        of_kind(broken, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
        with self.assertRaises(kubernetes_validate.ValidationError):
            for document in broken:
                kubernetes_validate.validate(document, versions[-1], strict=True)

    def test_rules_are_such_that_a_node_takes_them(self):
        for name, documents in self.sets.items():
            for each in of_kind(documents, "ConfigMap"):
                for file, text in each["data"].items():
                    if file.endswith(".yaml") and "rules:" in text:
                        done = self.starling("config", "validate", self.rules(text))
                        self.assertEqual(done.returncode, 0, f"{name} {file}: {done.stderr}")

    def test_a_broken_manifest_is_complained_about(self):
        """Each way to break one, and the check that must notice."""
        deployment, container, service, policy = self.parts
        for check, breakage in (
                ("selectors", lambda docs: deployment(docs)["spec"]["template"]["metadata"]["labels"].pop("app.kubernetes.io/instance")),
                ("selectors", lambda docs: of_kind(docs, "PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"].update(app="x")),
                ("selectors", lambda docs: service(docs, "starling")["spec"]["selector"].update({"app.kubernetes.io/version": "0.1.0"})),
                ("references", lambda docs: deployment(docs)["spec"]["template"]["spec"].update(serviceAccountName="default")),
                ("references", lambda docs: deployment(docs)["spec"].update(replicas=3)),
                ("services", lambda docs: service(docs, "starling")["spec"]["ports"][0].update(targetPort="web")),
                ("services", lambda docs: service(docs, "starling-nodes")["spec"]["ports"][1].update(appProtocol="grpc")),
                ("services", lambda docs: service(docs, "starling-peers")["spec"]["ports"][0].update(protocol="TCP")),
                ("discovery", lambda docs: service(docs, "starling-peers")["spec"].pop("publishNotReadyAddresses")),
                ("discovery", lambda docs: service(docs, "starling-peers")["spec"]["ports"].pop()),
                ("discovery", lambda docs: container(docs)["env"][0].update(value="starling-pears")),
                ("node_containers", lambda docs: container(docs)["ports"].pop()),
                ("node_containers", lambda docs: container(docs)["env"].append({"name": "STARLING_DRAIN", "value": "5s"})),
                ("node_containers", lambda docs: container(docs).update(command=["sh", "-c", "starling node"])),
                ("probes", lambda docs: container(docs)["livenessProbe"]["httpGet"].update(path="/readyz")),
                ("probes", lambda docs: container(docs).pop("startupProbe")),
                ("endings", lambda docs: deployment(docs)["spec"]["template"]["spec"].update(terminationGracePeriodSeconds=15)),
                ("endings", lambda docs: container(docs).pop("lifecycle")),
                ("endings", lambda docs: container(docs)["env"].append({"name": "STARLING_DRAIN_TIMEOUT", "value": "25s"})),
                ("restricted", lambda docs: container(docs)["securityContext"].pop("readOnlyRootFilesystem")),
                ("restricted", lambda docs: deployment(docs)["spec"]["template"]["spec"]["securityContext"].update(runAsUser=0)),
                ("volumes", lambda docs: container(docs)["volumeMounts"][0].update(subPath="rules.yaml")),
                ("volumes", lambda docs: deployment(docs)["spec"]["template"]["spec"]["volumes"][0]["configMap"].update(name="rules")),
                ("volumes", lambda docs: deployment(docs)["spec"]["template"]["spec"]["volumes"][-1]["secret"].update(defaultMode=0o444)),
                ("labels", lambda docs: service(docs, "starling")["metadata"]["labels"].pop("app.kubernetes.io/part-of")),
                ("policies", lambda docs: policy(docs)["egress"].pop()),
                ("policies", lambda docs: policy(docs)["egress"][0]["ports"].pop()),
                ("policies", lambda docs: policy(docs)["ingress"][0].pop("from")),
                ("policies", lambda docs: policy(docs)["ingress"][1]["ports"][0].update(port=8088)),
                ("resources", lambda docs: container(docs)["resources"].pop("limits")),
                ("images", lambda docs: container(docs).update(image="starling:latest")),
                ("images", lambda docs: deployment(docs)["spec"]["template"]["metadata"]["labels"].update(
                    {"app.kubernetes.io/version": "0.0.9"}))):
            with self.subTest(check=check):
                broken = copy.deepcopy(self.sets["base + everything"])
                breakage(broken)
                self.assertIn(check, {each.partition(":")[0] for each in complaints(broken, self.facts)})

    @property
    def parts(self):
        def deployment(all_of):
            return of_kind(all_of, "Deployment")[0]

        def service(all_of, name):
            return next(each for each in of_kind(all_of, "Service") if each["metadata"]["name"] == name)

        return (deployment, lambda all_of: deployment(all_of)["spec"]["template"]["spec"]["containers"][0], service,
                lambda all_of: of_kind(all_of, "NetworkPolicy")[0]["spec"])


class Guide(unittest.TestCase):
    """k8s/README.md and the Dockerfile."""

    def test_it_tells_of_everything_and_quotes_what_is_said(self):
        text = (tree / "k8s/README.md").read_text(encoding="utf-8")
        for name in overlays() + components():
            self.assertIn(name, text)
        sources = "".join(path.read_text(encoding="utf-8") for path in sorted((tree / "src").rglob("*.cpp")))
        sources = re.sub(r'"\s*\n\s*"', "", sources)
        quoted = [phrase for row in re.findall(r"^\| ([^\n]*) \|$", text.partition("says most often")[2], re.MULTILINE)
                  for phrase in re.findall(r"`([^`]+)`", row.split(" | ")[1] if len(row.split(" | ")) > 2 else "")]
        self.assertGreater(len(quoted), 8)
        for phrase in quoted:
            with self.subTest(phrase=phrase):
                words = re.sub(r"\b4290\b", "{}", phrase)
                self.assertTrue(words in sources, f"expected src to say {words!r}")

    def test_its_kustomization_to_copy_builds(self):
        text = (tree / "k8s/README.md").read_text(encoding="utf-8")
        lines = text.partition("    # kustomization.yaml\n")[2].partition("\n\n")[0].splitlines()
        documents = kustomize.build_text("\n".join(line[4:] for line in lines).replace("../starling/k8s", "{k8s}"),
                                         {"rules.yaml": "rules: []\n"})
        self.assertEqual({each["metadata"]["namespace"] for each in documents}, {"gateways"})
        container = node_container(pod_of(of_kind(documents, "Deployment")[0]), "registry.example/starling")
        self.assertEqual(container["image"], "registry.example/starling:0.1.0")
        self.assertIn({"rules.yaml": "rules: []\n"}, [each["data"] for each in of_kind(documents, "ConfigMap")])
        self.assertEqual(len(of_kind(documents, "NetworkPolicy")), 1)

    def test_the_dockerfile_passes_a_linter(self):
        linter = next((path for path in sorted(tree.glob("build*/interop/node_modules/.bin/dockerfilelint"))), None)
        if linter is None:
            self.skipTest("no dockerfilelint; scripts/interop --install --only kubernetes brings it")
        good = (tree / "k8s/Dockerfile").read_text(encoding="utf-8")
        for text, fine in ((good, True), (good.replace("USER ", "USR "), False), (good.replace("debian:bookworm", "debian"), False)):
            with tempfile.NamedTemporaryFile("w", suffix="Dockerfile", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                done = subprocess.run([linter, file.name], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode == 0, fine, done.stdout + done.stderr)


class Copies(ManifestCase):
    """Kustomize reads no file above its folder, so what people copy from scripts/gateways is there a second time."""

    def test_nginx(self):
        data = self.data("overlays/sidecar-nginx", "gateway-nginx")
        for name in ("check.conf", "limit.conf", "fail-open.conf"):
            self.assertEqual(data[name], (gateways / "nginx" / name).read_text(encoding="utf-8"), name)
        self.assertEqual(self.instructions(data["site.conf"].replace("unix:/run/starling/http.sock", "127.0.0.1:8080")
                                           .replace("listen 8000", "listen 127.0.0.1:8000")),
                         self.instructions((gateways / "nginx/site.conf").read_text(encoding="utf-8")))
        grace = of_kind(self.sets["overlays/sidecar-nginx"], "Deployment")[0]["spec"]["template"]["spec"]
        clients_s = int(re.search(r"worker_shutdown_timeout (\d+)s;", data["nginx.conf"])[1])
        sleep_s = grace["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain_s = self.facts.drain_seconds(grace["initContainers"][0])
        self.assertGreater(grace["terminationGracePeriodSeconds"], sleep_s + clients_s + drain_s)

    def test_envoy(self):
        ours = self.data("overlays/envoy-ratelimit", "gateway-envoy")["envoy.yaml"]
        theirs = (gateways / "envoy/ratelimit.yaml").read_text(encoding="utf-8")
        ours = ours.replace("0.0.0.0", "127.0.0.1").replace("address: starling-nodes", "address: 127.0.0.1")
        backend = ours[ours.index("    - name: backend\n"):ours.index("  clusters:\n")]
        self.assertEqual(self.instructions(ours.replace(backend, "")), self.instructions(theirs))
        self.assertEqual(self.data("overlays/envoy-ratelimit", "starling-rules")["rules.yaml"],
                         (gateways / "envoy/rules.yaml").read_text(encoding="utf-8"))

    def data(self, name, configmap):
        return next(each["data"] for each in of_kind(self.sets[name], "ConfigMap")
                    if re.fullmatch(configmap + "(-[a-z0-9]{10})?", each["metadata"]["name"]))

    @staticmethod
    def instructions(text):
        """Without comments and empty lines."""
        lines = [re.sub(r"(^|\s+)#.*", "", line) for line in text.splitlines()]
        return [re.sub(r"\s+$", "", line) for line in lines if line.strip()]


class Pods(ManifestCase):
    """Pods of each overlay, three of each where there is no other number: their command, environment and volumes."""

    def pod(self, documents, workload, number, hosts=None, secrets=None):
        """A node in a pod of its own on host `number`, found with those on `hosts`; and the variables that it was given."""
        container = node_container(pod_of(workload))
        environment = environment_of(container, f"{workload['metadata']['name']}-{number}")
        for mount in container["volumeMounts"]:
            here = self.directory / f"{number}-{mount['name']}"
            volume = next(each for each in pod_of(workload)["spec"]["volumes"] if each["name"] == mount["name"])
            if "configMap" in volume:
                configmap_volume(here, next(each["data"] for each in of_kind(documents, "ConfigMap")
                                            if each["metadata"]["name"] == volume["configMap"]["name"]))
            elif "secret" in volume:
                configmap_volume(here, secrets[volume["secret"]["secretName"]], volume["secret"]["defaultMode"])
            else:
                here.mkdir()
            for name, value in environment.items():
                environment[name] = re.sub(re.escape(mount["mountPath"]) + r"(?=/|$)", str(here), value)
        neighborhood, = (name for name in environment if self.facts.variables[name] == "--neighborhood-host")
        service = f"{environment[neighborhood]}.{zone}"
        self.dns().set(service, [self.subnet.host(each) for each in hosts or [number]])
        environment[neighborhood] = service + "."  # this machine's resolv.conf has no search list of a cluster's
        name = environment.pop("STARLING_NODE_NAME")  # the harness gives it as a flag, which would come first anyway
        node = self.node(number, environment=environment, node_name=name, dns_servers=self.dns().server, max_counters="10000")
        node.name = name
        return node, environment

    def test_they_listen_answer_their_probes_and_find_each_other(self):
        for index, name in enumerate(overlays()):
            documents = self.sets[name]
            hosts = range(1 + 3 * index, 4 + 3 * index)
            for workload, container in nodes(documents):
                with self.subTest(overlay=name, kind=workload["kind"]):
                    pods = [self.pod(documents, workload, number, hosts) for number in hosts]
                    started = [node for node, _environment in pods]
                    self.wait_together(started)
                    status = started[0].status()
                    listening = {int(address.rpartition(":")[2]) for address in status["listeners"].values()}
                    self.assertEqual(listening, {port["containerPort"] for port in container["ports"]})
                    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
                    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                        asked = container[probe]["httpGet"]
                        self.assertEqual(started[0].get(asked["path"], ports[asked["port"]]).status, 200, probe)
                    for port, path in (("http", "/v1/check?principal=probe"), ("admin", "/v1/status")):
                        self.assertEqual(started[0].get(path, ports[port]).status, 200)
                    self.assertIn(ports["rate-limit-dc"], [int(status["listeners"]["sync"].rpartition(":")[2])])
                    self.assertIn(ports["dc-heartbeat"], [int(status["listeners"]["heartbeat"].rpartition(":")[2])])
                    sources = {each["name"]: each["source"] for each in status["settings"]}
                    for variable in pods[0][1]:
                        flag = self.facts.variables[variable].removeprefix("--")
                        if flag != "config":
                            self.assertNotIn(sources[flag], ("default", "flag"), flag)
                    for node in started:
                        self.assertEqual(node.terminate(), 0)

    def test_a_changed_configmap_reaches_a_running_pod(self):
        documents = self.sets["base"]
        node, environment = self.pod(documents, of_kind(documents, "Deployment")[0], 1)
        node.wait_ready()
        configmap_volume(environment["STARLING_CONFIG"],
                         {"rules.yaml": "rules: [{name: changed, match: {path: /x}, limits: [{requests: 1, per: 1h}]}]\n"})
        wait_until("the new rule", lambda: "changed" in str(node.get("/v1/rules").json()))

    def test_a_sealed_deployment_gets_another_key_without_a_restart(self):
        """The three Secrets of k8s/README.md, one after the other, each on one pod before the next."""
        documents = self.sets["base + components/sealed"]
        workload = of_kind(documents, "Deployment")[0]
        old, new = (self.starling("keygen").stdout for _ in range(2))
        made = [self.pod(documents, workload, number, (1, 2), {"starling-keys": {"keys": old}}) for number in (1, 2)]
        pods = [node for node, _environment in made]
        self.wait_together(pods)
        rings = [pods[0].status()["keys"]["ring"]]
        for text in (old + new, new + old, new):
            for node, environment in made:
                configmap_volume(pathlib.Path(environment["STARLING_KEY_FILE"]).parent, {"keys": text}, 0o440)
                ids = self.starling("keygen", "--ids", environment["STARLING_KEY_FILE"]).stdout.split()
                wait_until("the new keys", lambda: node.status()["keys"]["ids"] == ids)
            self.assertEqual({node.status()["keys"]["ring"] for node in pods}, {",".join(ids)})
            rings.append(pods[0].status()["keys"]["ring"])
        self.assertEqual(rings[1].split(","), [rings[0], rings[3]])
        self.assertEqual(rings[2].split(","), [rings[3], rings[0]])
        for node in pods:
            dropped = node.status()["datagrams"]["dropped"]
            self.assertEqual([dropped[reason] for reason in ("unknown_key", "bad_seal", "not_sealed", "sealed")], [0] * 4)
            wait_until("the new key's packets", lambda: {peer["key"] for peer in node.peers()} == {rings[3]})

    def test_nginx_and_its_node_are_one_gateway(self):
        nginx = next((path for path in ("/usr/sbin/nginx", "/usr/local/sbin/nginx") if pathlib.Path(path).exists()), None)
        if nginx is None:
            self.skipTest("no nginx; scripts/interop --install --only nginx brings it")
        documents = self.sets["overlays/sidecar-nginx"]
        workload = of_kind(documents, "Deployment")[0]
        rules = next(each for each in of_kind(documents, "ConfigMap") if each["metadata"]["name"] == "gateway-rules")["data"]
        before = rules["rules.yaml"]
        self.addCleanup(rules.update, {"rules.yaml": before})
        limit = "requests: 100, per: 10s"
        self.assertIn(limit, before)
        rules["rules.yaml"] = before.replace(limit, f"requests: 3, per: {long_window()[0]}")
        node, environment = self.pod(documents, workload, 1)
        node.wait_ready()
        proxy = self.nginx(nginx, documents, workload, environment)
        address = self.subnet.host(100)

        def get(key=None):
            return request(address, 8000, "/", headers={"X-Api-Key": key} if key else {})

        answers = [get("alice") for _ in range(4)]
        self.assertEqual([each.status for each in answers], [200, 200, 200, 429])
        self.assertEqual(answers[0].body, b"hello from the backend\n")
        self.assertTrue(answers[3].headers["Retry-After"])
        self.assertEqual([get().status for _ in range(4)], [200, 200, 200, 429])  # by address
        self.assertEqual(node.total(principal="alice"), 3)
        # The pod goes: nginx first, then the node.
        proxy.send_signal(subprocess.signal.SIGQUIT)
        self.assertEqual(proxy.wait(20), 0)
        self.assertEqual(node.terminate(), 0)
        self.assertFalse(pathlib.Path(environment["STARLING_HTTP_LISTEN"].removeprefix("unix:")).exists())

    def test_envoy_asks_the_nodes(self):
        if envoy_binary() is None:
            self.skipTest("no Envoy; scripts/interop --install --only envoy-ratelimit brings it")
        documents = self.sets["overlays/envoy-ratelimit"]
        workload = next(each for each, _container in nodes(documents))
        rules = next(each for each in of_kind(documents, "ConfigMap") if each["metadata"]["name"] == "starling-rules")["data"]
        self.addCleanup(rules.update, dict(rules))
        rules["rules.yaml"] = replaced(rules["rules.yaml"], "requests: 500, per: 1m", f"requests: 3, per: {long_window()[0]}", 1)
        pods = [self.pod(documents, workload, number, (1, 2))[0] for number in (1, 2)]
        self.wait_together(pods)
        address = self.subnet.host(100)
        config = next(each["data"]["envoy.yaml"] for each in of_kind(documents, "ConfigMap") if "envoy.yaml" in each["data"])
        for port, here in (("8000", "0.0.0.0"), ("9901", "127.0.0.1"), ("9000", "127.0.0.1")):
            config = replaced(config, f"address: {here}, port_value: {port}", f"address: {address}, port_value: {port}")
        # Two endpoints instead of one name with two addresses, which this machine's resolv.conf does not know.
        start = config.index("              - endpoint:\n", config.index("    - name: starling\n"))
        endpoint = config[start:]
        config = config[:start] + "".join(replaced(endpoint, "starling-nodes", pod.address, 1) for pod in pods)
        config = re.sub(r"timeout: 0\.05s", "timeout: 10s", config)
        envoy = Envoy(address, config, self.directory)
        self.addCleanup(envoy.close)
        wait_until("Envoy to see both nodes healthy", lambda: envoy.healthy_count() == 2, deadline_s=60)
        answers = []
        for number in range(1, 5):
            answers.append(envoy.get("/", {"X-Api-Key": "alice"}))
            self.wait_totals(pods, min(number, 3), principal="alice")
        self.assertEqual([each.status for each in answers], [200, 200, 200, 429])
        self.assertEqual(answers[0].body, b"hello from the backend\n")
        self.assertEqual(answers[0].headers["x-ratelimit-remaining"], "2")
        self.assertIn("q=3;", answers[0].headers["ratelimit-policy"])

    def nginx(self, program, documents, workload, environment):
        """nginx as its container starts it; of its files only paths and addresses are changed."""
        container = workload["spec"]["template"]["spec"]["containers"][0]
        folder, scratch = self.directory / "nginx", self.directory / "tmp"
        folder.mkdir()
        scratch.mkdir(mode=0o777)
        scratch.chmod(0o777)
        self.directory.chmod(0o755)
        names = {volume["name"]: volume for volume in workload["spec"]["template"]["spec"]["volumes"]}
        where = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        address = self.subnet.host(100)
        changes = {where["nginx"]: str(folder), f"unix:{where['socket']}/http.sock": environment["STARLING_HTTP_LISTEN"],
                   f"{where['tmp']}/": f"{scratch}/", "listen 8000": f"listen {address}:8000",
                   "127.0.0.1:9000": f"{address}:9000"}
        data = next(each["data"] for each in of_kind(documents, "ConfigMap")
                    if each["metadata"]["name"] == names["nginx"]["configMap"]["name"])
        used = set()

        def change(found):
            used.add(found[0])
            return changes[found[0]]

        for name, text in data.items():
            text = re.sub("|".join(map(re.escape, changes)), change, text)
            (folder / name).write_text(re.sub(r"(proxy_\w+_timeout) 50ms", r"\1 5s", text), encoding="utf-8")
        self.assertEqual(used, set(changes))
        command = [program, *(part.replace(where["nginx"], str(folder)) for part in container["command"][1:])]
        with open(self.directory / "nginx.log", "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def answers():
            self.assertIsNone(process.poll(), (self.directory / "nginx.log").read_text(encoding="utf-8"))
            try:
                return request(address, 9000, "/").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until("nginx to answer", answers)
        return process


if __name__ == "__main__":
    if kustomize.why_not:
        skip(kustomize.why_not)
    main()
