#!/usr/bin/env python3
"""Where a setting comes from: flag > environment > file > default, under every name it has."""

import pathlib
import re

from harness import ClusterCase, main

readme = pathlib.Path(__file__).resolve().parents[2] / "README.md"

azure_settings = (  # flag, Azure's name, environment, default
    ("heartbeat-port", "neighborhood.heartbeat.port", "NEIGHBORHOOD_HEARTBEAT_PORT", "4291"),
    ("sync-port", "policy.rate-limit.sync.port", "POLICY_RATE_LIMIT_SYNC_PORT", "4290"),
)


class Settings(ClusterCase):
    def setting(self, name, environment=None, **flags):
        """The setting's value and source in a node that was started like this."""
        node = self.node(1, environment, **flags).wait_live()
        found = node.setting(name)
        node.kill()
        return found

    def test_flag_over_environment_over_file_over_default(self):
        for name, _, variable, default in azure_settings:
            with self.subTest(name=name):
                flag = name.replace("-", "_")
                file = self.rules(f"settings: {{{name}: 5001}}\n")
                environment = {variable: "5002"}
                self.assertEqual(self.setting(name), (default, "default"))
                self.assertEqual(self.setting(name, config=file), ("5001", "file"))
                self.assertEqual(self.setting(name, environment, config=file), ("5002", "environment"))
                self.assertEqual(self.setting(name, environment, config=file, **{flag: "5003"}), ("5003", "flag"))

    def test_azures_names_work_as_variable_flag_and_key(self):
        for name, azure, variable, _ in azure_settings:
            with self.subTest(name=name):
                self.assertEqual(self.setting(name, {azure: "5002"}), ("5002", "environment"))
                self.assertEqual(self.setting(name, {azure: "5002", variable: "5003"}), ("5003", "environment"))
                self.assertEqual(self.setting(name, **{azure: "5004"}), ("5004", "flag"))
                file = self.rules(f"settings:\n  {azure}: 5005\n")
                self.assertEqual(self.setting(name, config=file), ("5005", "file"))

    def test_the_neighborhood_under_all_its_names(self):
        host = self.subnet.host(7)
        name = "neighborhood-host"
        self.assertEqual(self.setting(name, {"neighborhood.host": host}), (host, "environment"))
        self.assertEqual(self.setting(name, {"NEIGHBORHOOD_HOST": host}), (host, "environment"))
        self.assertEqual(self.setting(name, **{"neighborhood.host": host}), (host, "flag"))
        self.assertEqual(self.setting(name, {"neighborhood.host": "x.invalid"}, neighborhood_host=host), (host, "flag"))
        self.assertEqual(self.setting(name, config=self.rules(f"settings: {{neighborhood-host: {host}}}\n")), (host, "file"))

    def test_starlings_own_variables(self):
        node = self.node(1, {"STARLING_SYNC_INTERVAL": "250ms", "STARLING_RESOLVE_INTERVAL": "1m",
                             "STARLING_CONFIG": self.one_rule(17), "STARLING_MAX_COUNTERS": "5000",
                             "STARLING_HTTP_PORT": "8085"}).wait_live()
        self.assertEqual(node.setting("sync-interval"), ("250ms", "environment"))
        self.assertEqual(node.setting("resolve-interval")[1], "environment")
        self.assertEqual(node.setting("max-counters"), ("5000", "environment"))
        self.assertEqual(node.status()["counters"]["max"], 5000)
        self.assertEqual(node.get("/v1/check?principal=alice", 8085).headers["X-RateLimit-Limit"], "17")

    def test_two_nodes_configured_like_azures_gateway(self):
        """Only Azure's names, in the environment; ports that differ from the default."""
        environment = {"neighborhood.host": self.neighborhood(2), "neighborhood.heartbeat.port": "4391",
                       "policy.rate-limit.sync.port": "4390", "STARLING_SYNC_INTERVAL": "20ms"}
        pair = [self.node(number, environment) for number in (1, 2)]
        self.wait_together(pair)
        self.assertEqual(pair[0].peers()[0]["sync_endpoint"], f"{pair[1].address}:4390")
        self.assertEqual(pair[0].peers()[0]["heartbeat_endpoint"], f"{pair[1].address}:4391")
        pair[0].hit(2, principal="alice")
        self.wait_totals(pair, 2, principal="alice")

    def test_the_listeners_are_shown_as_they_are(self):
        node = self.node(1, http_port=8082, heartbeat_port=4391).wait_live()
        self.assertEqual(node.status()["listeners"], {
            "http": f"{node.address}:8082", "grpc": f"{node.address}:8081", "admin": f"{node.address}:9090",
            "sync": f"{node.address}:4290", "heartbeat": f"{node.address}:4391"})

    def test_no_huge_pages_whatever_the_machine_is_set_to(self):
        status = self.node(1).wait_live().process_status()
        if "THP_enabled" not in status:
            self.skipTest("this kernel does not say whether a process may have huge pages")
        self.assertEqual(status["THP_enabled"], "0")

    def test_help_names_every_flag_variable_and_default(self):
        shown = self.starling("node", "--help")
        self.assertEqual(shown.returncode, 0)
        for name, azure, variable, default in azure_settings:
            for word in ("--" + name, azure, variable, default):
                self.assertIn(word, shown.stdout)

    def test_the_readmes_table_is_what_help_says(self):
        """Flags, variables and defaults, in both directions. `none` may be said in other words there."""
        shown = self.starling("node", "--help").stdout
        told = {}
        for option in re.split(r"\n  (?=--)", shown)[1:]:     # "--flag[,--other name] VALUE  what it does [env: A or B; default: D]"
            variables, default = re.search(r"\[env: (.*); default: (.*)\]", option).groups()
            told[re.match(r"--[a-z-]+", option).group()] = (variables.replace(" or ", ", "), default)
        rows = re.findall(r"^\| `(--\S+)` \| (.*?) \| (.*?) \| ", readme.read_text(encoding="utf-8"), re.M)
        written = {flag: (variables.replace("`", ""), "none" if told.get(flag, ("", ""))[1] == "none" else default.strip("`"))
                   for flag, variables, default in rows}
        self.assertEqual(written, told)


if __name__ == "__main__":
    main()
