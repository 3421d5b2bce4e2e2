#!/usr/bin/env python3
"""scripts/cluster as people run it, small: a rolling restart under load, and that nothing stays behind whatever ends it."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from harness import binary, free_of_settings, main, patience, skip, wait_until
from harness.node import die_with_parent
from harness.web import request
from cluster.network import find
from cluster.service import why_not

script = pathlib.Path(__file__).resolve().parents[2] / "scripts/cluster"
calm = ("--gateway-timeout", "5000ms", "--lag", "0.1-0.5", "--limit", "200/2s", "--max-counters", "10000")
run_s_max = 110


def processes_of(directory):
    """(pid, command) of everything that runs with something below `directory` on its command line."""
    found = []
    for each in pathlib.Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            try:
                command = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if str(directory) in command:
                found.append((int(each.name), command))
    return found


class ClusterScript(unittest.TestCase):
    """Each test has a build folder of its own with a copy of the binary: its path tells this test's processes from others."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="starling-cluster-")
        self.addCleanup(scratch.cleanup)
        self.build = pathlib.Path(scratch.name)
        self.binary = self.build / "src/app/starling"
        self.binary.parent.mkdir(parents=True)
        shutil.copy(binary(), self.binary)

    def start(self, *arguments, **more):
        environment = {key: value for key, value in free_of_settings().items() if key != "STARLING_BINARY"}
        return subprocess.Popen([sys.executable, str(script), *arguments, "--build-dir", str(self.build)], env=environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=die_with_parent, **more)

    def finish(self, process):
        try:
            return process.communicate(timeout=run_s_max * patience())
        finally:
            process.kill()

    def nothing_left(self):
        wait_until("no process of the cluster to be left", lambda: not processes_of(self.build))


class RollingRestart(ClusterScript):
    def test_a_rolling_restart_under_load_loses_nothing(self):
        process = self.start("3", "--phase", "rolling-restart", "--load", "5x", "-o", "json", *calm)
        output, progress = self.finish(process)
        report = json.loads(output)
        self.assertEqual([phase["phase"] for phase in report["phases"]], ["rolling-restart"])
        found, = report["phases"]
        self.assertEqual((process.returncode, report["within_bounds"], found["broken"]), (0, True, []), progress)
        self.assertEqual((found["lost"], found["counted_twice"], found["gateway_5xx"], found["failed"], found["uncounted"]),
                         (0, 0, 0, 0, 0))
        self.assertTrue(found["views_equal"])
        self.assertGreaterEqual(found["windows_full"], 2)
        self.assertEqual({target["name"] for target in found["targets"]}, {"nodes", "gateway"})
        for target in found["targets"]:
            self.assertGreater(target["outcomes"]["admitted"], 0, target)
            self.assertGreater(target["outcomes"]["denied"], 0, target)
        for window in found["windows"]:
            self.assertLessEqual(window["over_admission_certain"], window["bound"])
        self.assertEqual(progress.count(": gone"), 3)
        self.assertEqual(progress.count(": created at"), 6)
        self.assertEqual(list((self.build / "cluster").glob("run-*")), [])
        self.nothing_left()


class Ends(ClusterScript):
    def test_a_kill_9_of_the_script_takes_everything_with_it(self):
        process = self.start("2", "--phase", "steady", *calm)
        wait_until("the load to run", lambda: any("cluster/run-" in command for _, command in processes_of(self.build)))
        process.kill()
        process.communicate()
        self.nothing_left()
        kept = self.start("2", "--phase", "none", *calm)
        self.finish(kept)
        self.assertEqual(list((self.build / "cluster").glob("run-*")), [], "files of the killed one are swept by the next")

    def test_a_kept_cluster_can_be_talked_to_until_it_is_stopped(self):
        process = self.start("2", "--phase", "none", "--keep", "--port", "0", "--quiet", *calm)
        output, errors = self.finish(process)
        self.assertEqual((process.returncode, errors), (0, ""))
        self.addCleanup(lambda: self.finish(self.start("--stop")))
        places = [word.removeprefix("http://").strip("/").split(":") for word in output.split() if word.startswith("http://127.0.0.1:")]
        self.assertEqual(len(places), 3)
        self.assertEqual(request(places[0][0], int(places[0][1]), "/", headers={"X-Api-Key": "alice"}).headers["X-RateLimit-Limit"],
                         "200")
        for host, port in places[1:]:
            status = request(host, int(port), "/v1/status").json()
            self.assertEqual((status["ready"], status["cluster_size"]), (True, 2))
            self.assertEqual(status["verdict"], "healthy", status["advice"])
        second = self.start("2", "--keep", *calm)
        self.assertIn("--stop", self.finish(second)[1])
        self.assertEqual(second.returncode, 1)
        stop = self.start("--stop")
        self.finish(stop)
        self.assertEqual(stop.returncode, 0)
        self.nothing_left()

    def test_ctrl_c_ends_it_cleanly(self):
        process = self.start("2", "--phase", "steady", *calm)
        wait_until("nodes to run", lambda: any("starling node" in command for _, command in processes_of(self.build)))
        process.send_signal(signal.SIGINT)
        self.finish(process)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(list((self.build / "cluster").glob("run-*")), [])
        self.nothing_left()


if __name__ == "__main__":
    reason = why_not()
    for program, package in (("dnsmasq", "dnsmasq-base"), ("nginx", "nginx-light")):
        if find(program) is None:
            reason = reason or f"expected {program} (Debian package {package}), found none; run scripts/interop --install --only nginx"
    if reason:
        skip(reason)
    main()
