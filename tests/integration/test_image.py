#!/usr/bin/env python3
"""The container image, as far as it goes without a container engine: the files that k8s/Dockerfile copies into it, staged by
the script that it calls, started in a namespace with a read-only root and the rights of the manifests."""

import errno
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import ClusterCase, DnsServer, binary, main, patience, request, skip, wait_equal, wait_until
from harness.case import dns_host
from harness.container import Container, node_uid, why_not

tree = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(binary()).resolve().parents[2]
search = "shop.svc.cluster.local"
service = f"starling-peers.{search}"
token = "a-token-of-twenty-four-by"


def stage(root):
    """What scripts/image-root says, having filled `root`."""
    done = subprocess.run([str(tree / "scripts/image-root"), str(root), "--dir", str(build)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120 * patience(), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def setUpModule():
    folder = tempfile.TemporaryDirectory(prefix="starling-image-")
    unittest.addModuleCleanup(folder.cleanup)
    ImageCase.root = pathlib.Path(folder.name) / "root"
    ImageCase.said = stage(ImageCase.root)
    ImageCase.root.parent.chmod(0o755)


class ImageCase(ClusterCase):
    root = said = None  # one staged image for all tests


class Files(ImageCase):
    def test_it_holds_the_binary_its_libraries_and_no_other_program(self):
        self.assertEqual([path.name for path in (self.root / "usr/bin").iterdir()], ["starling"])
        self.assertEqual([name for name in ("share", "local", "lib/systemd") if (self.root / "usr" / name).exists()], ["share"])
        self.assertEqual([path.name for path in (self.root / "usr/share").iterdir()], ["doc"])
        programs = [path for path in self.root.rglob("*") if path.is_file() and os.access(path, os.X_OK) and ".so" not in path.name]
        self.assertEqual(programs, [self.root / "usr/bin/starling"])
        needed = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=True).stdout
        needed = {pathlib.Path(path).name for path in re.findall(r"(/\S+)", needed)}
        held = {path.name for path in self.root.rglob("*.so*") if path.is_file()}
        self.assertEqual(held, needed)
        self.assertRegex(self.said, r"\d+ libraries of \d+ packages, \d+ KiB")

    def test_every_library_comes_with_its_licence_and_for_scanners(self):
        described = sorted(path.name for path in (self.root / "var/lib/dpkg/status.d").iterdir())
        self.assertIn("libc6", described)
        for name in described:
            self.assertTrue((self.root / "usr/share/doc" / name / "copyright").stat().st_size > 0, name)
        self.assertIn("Apache License", (self.root / "usr/share/doc/starling/copyright").read_text(encoding="utf-8"))

    def test_nothing_in_it_can_be_written_by_its_user_or_gives_more_rights(self):
        for path in self.root.rglob("*"):
            if not path.is_symlink():
                self.assertEqual(path.stat().st_mode & 0o6022, 0, path)
                self.assertEqual(path.stat().st_uid, os.geteuid(), path)

    def test_a_folder_with_something_in_it_is_left_alone(self):
        self.directory.joinpath("precious").touch()
        done = subprocess.run([str(tree / "scripts/image-root"), str(self.directory), "--dir", str(build)], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("expected an empty folder", done.stderr)
        self.assertEqual(os.listdir(self.directory), ["precious"])


class Recipe(ImageCase):
    """k8s/Dockerfile and .dockerignore."""

    def setUp(self):
        super().setUp()
        text = (tree / "k8s/Dockerfile").read_text(encoding="utf-8")
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        self.steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]

    def last(self, word):
        return [rest for first, rest in self.steps if first == word][-1]

    def test_it_starts_the_binary_without_a_shell_as_the_user_of_the_manifests(self):
        entry, arguments = json.loads(self.last("ENTRYPOINT")), json.loads(self.last("CMD"))
        self.assertEqual((entry, arguments), (["/usr/bin/starling"], ["node"]))
        self.assertTrue((self.root / entry[0].lstrip("/")).is_file())
        self.assertEqual(self.last("USER"), f"{node_uid}:{node_uid}")
        self.assertIn(f":x:{node_uid}:{node_uid}:", (self.root / "etc/passwd").read_text(encoding="utf-8"))
        self.assertEqual([rest for first, rest in self.steps if first == "FROM"], ["debian:bookworm AS build", "scratch"])
        self.assertIn("scripts/image-root /image", self.last("RUN"))
        self.assertEqual([rest for first, rest in self.steps if first == "COPY"][-1], "--from=build /image /")

    def test_it_names_the_ports_that_a_node_listens_on(self):
        node = self.node(1).wait_ready()
        listeners = node.status()["listeners"]
        expected = {f"{address.rpartition(':')[2]}/{'udp' if name in ('sync', 'heartbeat') else 'tcp'}"
                    for name, address in listeners.items()}
        self.assertEqual(set(self.last("EXPOSE").split()), expected)

    def test_what_dockerignore_lets_in_can_be_configured(self):
        allowed = [line[1:] for line in (tree / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
        copy = self.directory / "src"
        copy.mkdir()
        subprocess.run(["cp", "-r", "--parents", *allowed, str(copy)], cwd=tree, check=True)
        for wanted in self.last("RUN").replace("&&", "").split():
            if wanted.startswith("scripts/"):
                self.assertTrue((copy / wanted).is_file(), wanted)
        setup = next(part for part in self.last("RUN").split("&&") if part.strip().startswith("meson setup")).split()
        done = subprocess.run(setup, cwd=copy, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=100 * patience(), check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        # Then the step that compiles, but for compiling: are there targets of that name without the tests?
        dry = self.directory / "ninja"
        dry.write_text(f'#!/bin/sh\nexec {shutil.which("ninja")} -n "$@"\n', encoding="ascii")
        dry.chmod(0o755)
        compiling = next(part for part in self.last("RUN").split("&&") if "scripts/build" in part).split()
        done = subprocess.run(compiling, cwd=copy, env={**os.environ, "NINJA": str(dry)}, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=100 * patience(), check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        self.assertIn("Linking target src/app/starling", done.stdout)


class Running(ImageCase):
    def setUp(self):
        super().setUp()
        self.resolver = DnsServer(self.subnet.host(dns_host), str(self.directory), port=53)
        self.addCleanup(self.resolver.close)
        (self.directory / "resolv.conf").write_text(
            f"search {search} svc.cluster.local cluster.local\nnameserver {self.subnet.host(dns_host)}\noptions ndots:5\n", "ascii")
        self.resolver.set(service, [self.subnet.host(1)])
        self.directory.chmod(0o755)  # the folder of the test is its owner's alone; a volume is not
        self.processes = {}

    def container(self, number, mounts=None, groups=(), **more):
        """A pod's environment: dotted names, the rest as the manifests have it, nothing of this machine's."""
        rules = self.directory / "rules"
        rules.mkdir(exist_ok=True)
        (rules / "rules.yaml").write_text('rules: [{name: each, match: {principal: "*"}, limits: [{requests: 2, per: 1h}]}]\n', "ascii")
        environment = {"neighborhood.host": "starling-peers", "neighborhood.heartbeat.port": "4291",
                       "policy.rate-limit.sync.port": "4290", "STARLING_BIND": self.subnet.host(number),
                       "STARLING_NODE_NAME": f"pod-{number}", "STARLING_CONFIG": "/etc/starling", **more}
        return Container(self.root, environment, {"/etc/starling": rules, "/etc/resolv.conf": self.directory / "resolv.conf",
                                                  **(mounts or {})}, groups=groups)

    def start(self, number, **more):
        process = self.container(number, **more).start(["/usr/bin/starling", "node"], self.directory / f"pod-{number}.log")
        self.processes[number] = process
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(f"pod {number} to be ready", lambda: self.alive(process) and self.get(number, "/readyz").status == 200)
        return process

    def alive(self, process):
        self.assertIsNone(process.poll(), "the node has ended")
        return True

    def get(self, number, target, port=9090):
        try:
            return request(self.subnet.host(number), port, target)
        except (OSError, http.client.HTTPException):
            return type("Nobody", (), {"status": 0})

    def check(self, number):
        return self.get(number, "/v1/check?principal=alice", 8080).status

    def test_nodes_find_each_other_by_a_short_name_and_hold_one_limit(self):
        self.resolver.set(service, [self.subnet.host(1), self.subnet.host(2)])
        for number in (1, 2):
            self.start(number)
        for number, other in ((1, "pod-2"), (2, "pod-1")):
            wait_equal(f"the peers of pod {number}",
                       lambda: [(peer["name"], peer["state"]) for peer in self.get(number, "/v1/peers").json()["peers"]],
                       [(other, "alive")])
        self.assertEqual((self.check(1), self.check(2)), (200, 200))
        wait_until("both to know", lambda: self.check(1) == 429 and self.check(2) == 429)
        sources = {each["name"]: each["source"] for each in self.get(1, "/v1/status").json()["settings"]}
        self.assertRegex(sources["heartbeat-port"], "environment|neighborhood")

    def test_its_user_may_nothing(self):
        process = self.start(1)
        told = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        for line in (f"Uid:\t{node_uid}\t{node_uid}\t{node_uid}\t{node_uid}", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
            self.assertIn(line, told)
        with self.assertRaises(OSError) as refused:  # and we are root
            pathlib.Path(f"/proc/{process.pid}/root/file").touch()
        self.assertEqual(refused.exception.errno, errno.EROFS)

    def test_people_and_sigterm_reach_it(self):
        process = self.start(1)
        there = self.container(1).run("/usr/bin/starling", "status", "--server", f"http://{self.subnet.host(1)}:9090")
        self.assertEqual((there.returncode, there.stderr), (0, ""))
        self.assertIn("pod-1", there.stdout)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20 * patience()), 0)

    def test_only_a_token_of_its_group_is_taken(self):
        """What the component admin-token mounts: root's file, readable by the group that fsGroup makes the node's."""
        folder = self.directory / "token"
        folder.mkdir()
        folder.chmod(0o755)
        file = folder / "token"
        file.write_text(token, encoding="ascii")
        mounted = {"mounts": {"/etc/starling-admin": folder}, "STARLING_ADMIN_TOKEN_FILE": "/etc/starling-admin/token"}
        for owner_group, mode, said in ((0, 0o400, "cannot read it"), (0, 0o440, "cannot read it"),
                                        (node_uid, 0o444, "expected a file that only its owner and group can read")):
            os.chown(file, 0, owner_group)
            file.chmod(mode)
            done = self.container(1, **mounted).run("/usr/bin/starling", "node")
            self.assertEqual(done.returncode, 1, oct(mode))
            self.assertIn(said, done.stderr)
        os.chown(file, 0, node_uid)
        file.chmod(0o440)
        self.start(1, **mounted)
        body = json.dumps({"kind": "ignoring", "principal": "bob"})
        for shown, status in (({}, 200), ({"Authorization": "Bearer " + token}, 200), ({"Authorization": "Bearer wrong"}, 403)):
            answer = request(self.subnet.host(1), 9090, "/v1/overrides", "PUT", body,
                             {"Content-Type": "application/json", **shown})
            self.assertEqual(answer.status, status, answer)


if __name__ == "__main__":
    missing = why_not()
    if missing:
        skip(missing)
    main()
