#!/usr/bin/env python3
"""Sealed gossip: keys are made, changed under load without a loss, refused when they are wrong, and told to nobody."""

import base64
import contextlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess

from harness import Clients, ClusterCase, CountWatch, binary, main, wait_equal, wait_until

about_keys = ("sealed", "not_sealed", "unknown_key", "bad_seal", "too_many_senders")


class KeyFile:
    """A node's own copy, put there as `mv` does."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def put(self, *lines, mode=0o600):
        self.put_text("".join(line + "\n" for line in lines), mode)

    def put_text(self, text, mode=0o600):
        beside = self.path.with_name("." + self.path.name)
        beside.write_text(text, encoding="utf-8")
        beside.chmod(mode)
        self.clear_directory()
        beside.rename(self.path)

    def clear_directory(self):
        if self.path.is_dir():
            shutil.rmtree(self.path)


class Secret(KeyFile):
    """As the kubelet keeps it: the file is a symlink through `..data`, which is renamed over."""

    def __init__(self, directory):
        super().__init__(pathlib.Path(directory) / "keys")
        self._versions = 0
        self.path.parent.mkdir()

    def put(self, *lines, mode=0o440):
        at = self.path.parent
        self._versions += 1
        version = f"..version_{self._versions}"
        (at / version).mkdir()
        (at / version / "keys").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        (at / version / "keys").chmod(mode)
        (at / "..data_tmp").symlink_to(version)
        (at / "..data_tmp").rename(at / "..data")
        if not self.path.is_symlink():
            self.path.symlink_to("..data/keys")


class Sealed(ClusterCase):
    def setUp(self):
        super().setUp()
        self.ids = {}

    # --- making things

    def key(self):
        """A new line for a key file; `ids` knows its id."""
        made = self.starling("keygen")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        line = made.stdout.removesuffix("\n")
        self.assertEqual(len(base64.b64decode(line, validate=True)), 32)
        file = KeyFile(self.directory / "only")
        file.put(line)
        shown = self.starling("keygen", "--ids", str(file.path))
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.ids[line] = shown.stdout.removesuffix("\n")
        return line

    def ring(self, lines):
        return ",".join(self.ids.get(line, line) for line in lines)

    def files(self, count, *lines, kind=KeyFile):
        made = [kind(self.directory / f"keys-{number}") for number in range(1, count + 1)]
        for file in made:
            file.put(*lines)
        return made

    def sealed_cluster(self, files, **settings):
        nodes = [self.node(number, neighborhood_host=self.neighborhood(len(files)), key_file=file.path, **settings)
                 for number, file in enumerate(files, 1)]
        self.wait_together(nodes)
        return nodes

    # --- looking

    def dropped(self, node):
        found = node.status()["datagrams"]["dropped"]
        return {reason: found[reason] for reason in about_keys if found[reason]}

    def codes(self, node):
        return [item["code"] for item in node.status()["advice_items"]]

    def texts(self, node, code):
        return " ".join(item["text"] for item in node.status()["advice_items"] if item["code"] == code)

    def wait_ring(self, node, lines):
        wait_equal(f"the keys of {node.name}", lambda: node.status()["keys"]["ring"], self.ring(lines))

    def wait_peer_keys(self, nodes, expected):
        for node in nodes:
            wait_equal(f"what {node.name} opens", lambda: {peer["key"] for peer in node.peers() if peer["state"] == "alive"}, {expected})

    # --- tests

    def test_three_nodes_hold_one_limit_and_everything_is_sealed(self):
        line, limit = self.key(), 40
        nodes = self.sealed_cluster(self.files(3, line), config=self.one_rule(limit), sync_interval="10ms")
        for number in range(limit):
            self.assertEqual(nodes[number % 3].check(principal="alice").status, 200, f"request {number + 1}")
            self.wait_totals(nodes, number + 1, principal="alice")
        self.assertEqual([node.check(principal="alice").status for node in nodes], [429] * 3)
        self.wait_peer_keys(nodes, self.ids[line])
        for node in nodes:
            self.assertEqual(self.dropped(node), {})
            keys = node.status()["keys"]
            self.assertEqual((keys["ids"], keys["plain"], keys["reload_error"]), ([self.ids[line]], "refused", None))
            self.assertGreater(keys["opened"], 0)
            self.assertEqual(node.metrics().value("starling_keys"), 1)
            self.assertEqual(node.metrics().value("starling_plain_packets_accepted"), 0)
            self.assertIn(f"keys={self.ids[line]}", node.wait_log())
            self.assertNotIn("not encrypted", node.log())
        wide = self.starling("peers", "-o", "wide", "--server", nodes[0].address)
        self.assertEqual(wide.stdout.splitlines()[0].split()[-1], "KEY")
        self.assertEqual(wide.stdout.count(self.ids[line]), 2)
        self.assertIn(f"{self.ids[line]} from ", self.starling("status", "--server", nodes[0].address).stdout)

    def change_under_load(self, files, first, steps):
        """Starts nodes with `first`; gives every step to one node after the other, under load. Nothing may be lost: no
        packet, no request, no count; and the limit holds when the load reaches it."""
        limit = 3000
        nodes = self.sealed_cluster(files, config=self.one_rule(limit), sync_interval="50ms")
        self.assertEqual({node.status()["keys"]["ring"] for node in nodes}, {self.ring(first)})
        clients = Clients(nodes, pause_s=0.002, principal="alice")
        watch = CountWatch(nodes, ceiling=clients.ceiling, principal="alice")
        for step in steps:
            for node, file in zip(nodes, files):
                file.put(*step)
                self.wait_ring(node, step)
                before = clients.account(node.origin()).begun
                wait_until("load on this mixture", lambda: clients.account(node.origin()).begun > before + 5)
        clients._pause_s = 0
        wait_until("the limit", lambda: all(clients.account(node.origin()).denied for node in nodes))
        clients.stop()
        accounts = [clients.account(node.origin()) for node in nodes]
        self.assertEqual([each.begun for each in accounts], [each.admitted + each.denied for each in accounts])
        self.assertGreaterEqual(clients.admitted_count(), limit)
        self.assertLessEqual(clients.admitted_count(), limit * 1.2)
        self.wait_totals(nodes, clients.admitted_count(), principal="alice")
        for node in nodes:
            self.assertEqual(node.components(principal="alice"), clients.truth())
            self.assertEqual(self.dropped(node), {}, node.name)
            self.assertEqual(set(node.states().values()), {"alive"})
            reloads = node.status()["keys"]["reloads"]
            self.assertEqual((reloads["ok"], reloads["failed"]), (len(steps), 0))
            self.assertNotIn("peer suspect", node.log())
        self.assertEqual(watch.stop(), [])
        return nodes

    def test_a_key_is_changed_in_three_steps_and_nothing_is_lost(self):
        old, new = self.key(), self.key()
        files = self.files(3, old)
        nodes = self.change_under_load(files, [old], [[old, new], [new, old], [new]])
        self.wait_peer_keys(nodes, self.ids[new])
        for node in nodes:
            self.assertEqual(self.codes(node), [])

    def test_plain_to_sealed_and_back_in_three_steps_each(self):
        line = self.key()
        files = self.files(3, "plain", line, kind=Secret)
        nodes = self.change_under_load(files, ["plain", line], [[line, "plain"], [line], [line, "plain"], ["plain", line]])
        self.wait_peer_keys(nodes, None)
        for node in nodes:
            self.assertEqual(self.codes(node), ["plain_sent"])

    def test_a_running_cluster_without_keys_gets_them(self):
        """The first step is a restart with `plain` above the key; whoever has had it and whoever has not understand each other."""
        line = self.key()
        files = self.files(2, "plain", line)
        rules = self.one_rule(100)
        nodes = self.cluster(2, config=rules, sync_interval="10ms")
        self.assertEqual([node.status()["keys"]["ring"] for node in nodes], ["", ""])
        for number, file in enumerate(files):
            nodes[number].hit(5, principal="alice")
            self.wait_totals(nodes, 5 * (number + 1), principal="alice")
            self.assertEqual(nodes[number].terminate(), 0)
            nodes[number] = self.node(number + 1, neighborhood_host=self.neighborhood(2), config=rules,
                                      sync_interval="10ms", key_file=file.path)
            self.wait_together(nodes)
            self.wait_totals(nodes, 5 * (number + 1), principal="alice")
        for step in ([line, "plain"], [line]):
            for node, file in zip(nodes, files):
                file.put(*step)
                self.wait_ring(node, step)
        self.wait_peer_keys(nodes, self.ids[line])
        nodes[0].hit(1, principal="alice")
        self.wait_totals(nodes, 11, principal="alice")
        self.assertEqual([self.dropped(node) for node in nodes], [{}, {}])
        self.assertEqual([self.codes(node) for node in nodes], [[], []])
        left_behind = self.node(3, neighborhood_host=self.neighborhood(3), config=rules)
        wait_until("its packets", lambda: nodes[0].status()["datagrams"]["dropped"]["not_sealed"])
        self.assertEqual((left_behind.alive_peers(), nodes[0].alive_peers()), ([], ["n2"]))

    def test_unfinished_steps_are_told(self):
        old, new = self.key(), self.key()
        files = self.files(2, "plain", old)
        nodes = self.sealed_cluster(files, config=self.one_rule(100))
        wait_equal("the advice", lambda: self.codes(nodes[0]), ["plain_sent"])
        for node, file in zip(nodes, files):
            file.put(old, "plain")
            self.wait_ring(node, [old, "plain"])
        wait_until("n2's sealed packets", lambda: "no peer sends such" in self.texts(nodes[0], "plain_accepted"))
        files[0].put(new, old)
        self.wait_ring(nodes[0], [new, old])
        self.assertEqual(self.codes(nodes[0]), [])  # n2 needs the old one
        self.assertEqual(nodes[0].metrics().value("starling_plain_packets_accepted"), 0)

    def test_nodes_without_the_key_stay_outside_and_everybody_says_so(self):
        line, other = self.key(), self.key()
        files = self.files(3, line)
        files[2].put(other)
        settings = {"neighborhood_host": self.neighborhood(4), "config": self.one_rule(10), "sync_interval": "10ms"}
        nodes = [self.node(number, key_file=file.path, **settings) for number, file in enumerate(files, 1)]
        nodes.append(self.node(4, **settings))
        self.wait_together(nodes[:2])
        for node in nodes:
            node.wait_ready()
        nodes[0].hit(3, principal="alice")
        self.wait_totals(nodes[:2], 3, principal="alice")

        def said(node, *parts):
            text = self.starling("status", "--server", node.address).stdout
            return all(part in text for part in parts)

        inside, stranger, keyless = nodes[0], nodes[2], nodes[3]
        wait_until("a word at n1", lambda: said(
            inside, f"{self.ids[other]} from {stranger.address}", f"were not sealed in the last 10 minutes and this node takes no such, "
                                                                  f"last from {keyless.address}"))
        wait_until("a word at n3", lambda: said(stranger, f"{self.ids[line]} from ", "last from " + keyless.address))
        wait_until("a word at n4", lambda: said(keyless, "this node has no keys, last from "))
        for node in (stranger, keyless):
            self.assertEqual((node.alive_peers(), node.total(principal="alice")), ([], 0))
        wait_until("a line in the log", lambda: "sealed with keys that this node does not have" in inside.log())
        self.assertEqual(inside.alive_peers(), ["n2"])

    def test_a_bad_key_file_is_refused_and_the_old_keys_stay(self):
        line, others = self.key(), [self.key() for _ in range(9)]
        files = self.files(2, line)
        nodes = self.sealed_cluster(files, config=self.one_rule(1000), sync_interval="10ms", log_level="trace")
        node, file = nodes[0], files[0]
        hits = 0
        bad = {
            "expected a key of 32 bytes in base64": lambda: file.put(line, others[0][:-2] + "!="),
            "found a key of 12 bytes": lambda: file.put(base64.b64encode(b"twelve bytes").decode()),
            "found mode 0644; `chmod o-rwx` it": lambda: file.put(line, mode=0o644),
            "expected at least one key, found none": lambda: file.put_text(""),
            "found `plain` alone": lambda: file.put("plain"),
            "expected at most 8 keys": lambda: file.put(*others),
            f"key {self.ids[line]} stands in line 1 already": lambda: file.put(line, others[0], line),
            "cannot read it: No such file": file.path.unlink,
            "found no regular file": lambda: os.mkfifo(file.path, 0o600),
        }
        for expected, spoil in bad.items():
            with self.subTest(expected):
                failed = node.status()["keys"]["reloads"]["failed"]
                with contextlib.suppress(FileNotFoundError):
                    if expected.startswith("found no"):
                        file.path.unlink()
                spoil()
                wait_until("a refusal", lambda: expected in (node.status()["keys"]["reload_error"] or ""))
                self.assertGreater(node.status()["keys"]["reloads"]["failed"], failed)
                self.assertIn("key_file_refused", self.codes(node))
                self.assertEqual(node.metrics().value("starling_key_last_reload_successful"), 0)
                node.wait_log(expected)
                self.assertEqual(node.status()["keys"]["ring"], self.ids[line])
                hits += 1
                node.hit(1, principal="alice")
                self.wait_totals(nodes, hits, principal="alice")
                file.put(line)
                wait_equal("the reload", lambda: node.status()["keys"]["reload_error"], None)
                self.assertEqual(self.codes(node), [])
        file.path.unlink()
        file.path.mkdir()
        wait_until("a refusal", lambda: "found no regular file" in (node.status()["keys"]["reload_error"] or ""))
        file.put(line)
        wait_equal("the reload", lambda: node.status()["keys"]["reload_error"], None)
        self.assertEqual(node.metrics().value("starling_key_last_reload_successful"), 1)
        self.assertTrue(node.ready())
        self.assertEqual([self.dropped(each) for each in nodes], [{}, {}])
        self.assert_told_to_nobody(nodes, [line, *others])

    def test_sighup_reads_the_keys_again(self):
        line = self.key()
        (file,) = self.files(1, line)
        node = self.node(1, key_file=file.path).wait_ready()
        file.path.chmod(0o644)
        node.signal(signal.SIGHUP)
        wait_until("a refusal", lambda: "found mode 0644" in (node.status()["keys"]["reload_error"] or ""))
        node.wait_log("and the keys")
        file.path.chmod(0o600)
        node.signal(signal.SIGHUP)
        wait_equal("the reload", lambda: node.status()["keys"]["reload_error"], None)

    def assert_told_to_nobody(self, nodes, lines):
        """Neither the text of a key nor a half of it, nor its bytes as hex, in anything that a node says."""
        said = {}
        for node in nodes:
            pid = node._process.pid
            said[f"{node.name}'s log"] = node.log()
            for target in ("/v1/status", "/v1/peers", "/metrics", "/"):
                said[f"{node.name} {target}"] = node.get(target).body.decode("utf-8")
            for name in ("cmdline", "environ"):
                said[f"{node.name}'s {name}"] = pathlib.Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
            for command in (("status",), ("peers", "-o", "wide"), ("status", "-o", "json")):
                result = self.starling(*command, "--server", node.address)
                said[f"{node.name} {command}"] = result.stdout + result.stderr
        for line in lines:
            raw = base64.b64decode(line)
            for part in (line[:10], line[16:28], line[-12:-1], raw.hex()[:12], raw[::-1].hex()[:12]):
                for where, text in said.items():
                    self.assertNotIn(part.lower(), text.lower(), where)

    def test_a_node_does_not_start_with_a_bad_key_file(self):
        line = self.key()
        file = KeyFile(self.directory / "keys")
        for lines, mode, expected in (((line, "# x", line[:-4]), 0o600, ":3: expected a key of 32 bytes in base64"),
                                      ((line,), 0o604, ": expected a file that only its owner and group can read"),
                                      ((), 0o600, ": expected at least one key, found none; `starling keygen`")):
            file.put(*lines, mode=mode)
            ended = self.starling("node", "--bind", self.subnet.host(1), "--key-file", str(file.path))
            self.assertEqual(ended.returncode, 1)
            self.assertIn(f"starling: --key-file: {file.path}{expected}", ended.stderr)
            self.assertEqual(len(ended.stderr.splitlines()), 1)
            self.assertNotIn(line[:10], ended.stderr)
        ended = self.starling("node", "--bind", self.subnet.host(1), environment={"STARLING_KEY_FILE": "/nowhere/keys"})
        self.assertEqual(ended.returncode, 1)
        self.assertIn("/nowhere/keys: cannot read it", ended.stderr)

    def test_a_directory_in_which_all_can_replace_the_keys_is_warned_of(self):
        line = self.key()
        for number, (mode, warns) in enumerate(((0o755, False), (0o1777, False), (0o777, True)), 1):
            directory = self.directory / f"of-{number}"
            directory.mkdir()
            directory.chmod(mode)
            KeyFile(directory / "keys").put(line)
            node = self.node(number, key_file=directory / "keys")
            wait_until("a start", node.ready)
            self.assertEqual(f"{directory}: expected a directory of keys" in node.wait_log(), warns, oct(mode))
            self.assertEqual(node.status()["keys"]["ring"], self.ids[line])

    def test_keygen_warns_of_a_file_that_others_can_read(self):
        path = self.directory / "made"
        for mode, warns in ((0o644, True), (0o600, False)):
            path.touch()
            path.chmod(mode)
            with open(path, "wb") as out:
                done = subprocess.run([binary(), "keygen"], stdout=out, stderr=subprocess.PIPE, check=True, text=True)
            self.assertEqual("chmod o-rwx" in done.stderr, warns)
            shown = self.starling("keygen", "--ids", str(path))
            self.assertEqual(shown.returncode, 1 if warns else 0)
        self.assertRegex(shown.stdout, r"\A[0-9a-f]{8}\n\Z")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        file = KeyFile(self.directory / "ring")
        lines = [self.key(), "plain", self.key()]
        file.put("# ring", *lines)
        self.assertEqual(self.starling("keygen", "--ids", str(file.path)).stdout.split(),
                         [self.ids[lines[0]], self.ids[lines[2]], "plain"])
        missing = self.starling("keygen", "--ids", str(self.directory / "none"))
        self.assertEqual((missing.returncode, missing.stdout), (1, ""))
        self.assertIn("cannot read it", missing.stderr)


if __name__ == "__main__":
    main()
