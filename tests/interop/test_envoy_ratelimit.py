#!/usr/bin/env python3
"""A real Envoy asks by its HTTP rate limit filter over gRPC, with scripts/gateways/envoy/ratelimit.yaml."""

from envoy_proxy import EnvoyCase, need_envoy, replaced

from harness import main, wait_equal, wait_until

month_s, year_s = 30 * 86400, 365 * 86400
alice, bob = {"X-Api-Key": "alice"}, {"X-Api-Key": "bob"}

# A route whose limit comes with the request: Envoy takes it from metadata that an earlier filter wrote.
override_filter = """\
                  - name: envoy.filters.http.set_metadata
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config
                      metadata:
                        - metadata_namespace: plan
                          value: {limit: {requests_per_unit: 2, unit: DAY}}
"""
override_route = """\
                        - match: {prefix: /plan}
                          route:
                            cluster: app
                            rate_limits:
                              - actions: [{request_headers: {header_name: x-api-key, descriptor_key: principal}}]
                                limit: {dynamic_metadata: {metadata_key: {key: plan, path: [{key: limit}]}}}
"""
# One that sends descriptors which rules do not match, or hold to nothing.
other_route = """\
                        - match: {prefix: /other}
                          route:
                            cluster: app
                            rate_limits:
                              - actions: [{request_headers: {header_name: x-unknown, descriptor_key: unknown}}]
                              - actions: [{request_headers: {header_name: x-free, descriptor_key: free}}]
                              - actions: [{request_headers: {header_name: x-api-key, descriptor_key: principal}}]
"""
unlimited_rule = """\
  - name: free
    match: {free: "*"}
    unlimited: true
"""
before_filters, before_routes = "                http_filters:\n", "                      routes:\n"


class RateLimit(EnvoyCase):
    def start(self, limits, nodes_count=1, config=None, more_rules="", learning=None, **settings):
        rules = self.rules_with("rules.yaml", limits, learning)
        with open(rules, "a", encoding="utf-8") as text:
            text.write(more_rules)
        nodes = self.cluster(nodes_count, config=rules, headers="ietf", **settings)
        app = self.app()
        return nodes, app, self.envoy(config or self.example("ratelimit.yaml"), nodes)

    def stats(self, envoy):
        """(ok, over_limit, error, failure_mode_allowed) of Envoy's own count"""
        found = envoy.stats("cluster.app.ratelimit.")
        return tuple(found.get(name, 0) for name in ("ok", "over_limit", "error", "failure_mode_allowed"))

    # --- one node

    def test_both_outcomes_carry_the_headers_of_envoy_and_of_the_node(self):
        (node,), app, envoy = self.start({"per-key": "[{requests: 3, per: 30d}]", "per-address": "[{requests: 1000, per: 1m}]"})
        for left in (2, 1, 0):
            answer = envoy.get("/a", alice)
            self.assertEqual((answer.status, answer.body), (200, b"app\n"))
            told = self.headers_of(answer, "x-ratelimit")
            self.assertEqual(sorted(told), ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"])
            self.assertEqual(told["x-ratelimit-limit"],
                             f'3, 3;w={month_s};name="per-key", 1000;w=60;name="per-address"')
            self.assertEqual(told["x-ratelimit-remaining"], str(left))
            self.assertTrue(1 <= int(told["x-ratelimit-reset"]) <= month_s, told)
            self.assertIn(f'"per-key";q=3;w={month_s}', answer.headers["ratelimit-policy"])
            self.assertRegex(answer.headers["ratelimit"], rf'"per-key";r={left};t=\d+')
            for absent in ("retry-after", "x-envoy-ratelimited"):
                self.assertNotIn(absent, answer.headers)
        denied = envoy.get("/a", alice, method="POST", body=b"x" * 10_000)
        self.assertEqual((denied.status, denied.headers["x-envoy-ratelimited"]), (429, "true"))
        self.assertEqual(denied.headers["x-ratelimit-remaining"], "0")
        self.assertEqual(denied.headers["retry-after"], denied.headers["x-ratelimit-reset"])
        self.assertRegex(denied.headers["ratelimit"], r'^"per-key";r=0;t=\d+')
        self.assertEqual(envoy.get("/a", bob).status, 200)
        self.assertEqual(len(app.seen), 4)
        self.assertEqual(self.stats(envoy), (4, 1, 0, 0))
        self.assertEqual((node.total(principal="alice"), node.total(principal="bob")), (3, 1))

    def test_a_rule_that_learns_counts_says_so_and_passes(self):
        (node,), _, envoy = self.start({"per-address": "[{requests: 1, per: 30d}]"}, learning="per-address")
        self.assertEqual(envoy.get("/").headers.get("starling-learning"), None)
        for _ in range(3):
            answer = envoy.get("/")
            self.assertEqual((answer.status, answer.headers["starling-learning"]), (200, "true"))
            self.assertEqual(answer.headers["x-ratelimit-limit"], f'1, 1;w={month_s};name="per-address"')
            self.assertEqual(answer.headers["x-ratelimit-remaining"], "0")
        self.assertEqual(self.stats(envoy), (4, 0, 0, 0))
        self.assertEqual([each["total"] for each in self.by_address(node, envoy)], [4])

    def by_address(self, node, envoy):
        """Counters of our own address, which is loopback's first or, as Envoy sees it then, Envoy's own."""
        return [each for address in ("127.0.0.1", envoy.address) for each in node.counters(remote_address=address)]

    def test_several_limits_and_descriptors(self):
        (_,), _, envoy = self.start({"login": "[{requests: 2, per: 30d}, {requests: 50, per: 365d}]"})
        for left in (1, 0):
            answer = envoy.get("/login", alice)
            self.assertEqual(answer.status, 200)
            self.assertRegex(answer.headers["x-ratelimit-limit"], rf'^2, 2;w={month_s};name="login[^"]*"$')
            self.assertEqual(answer.headers["x-ratelimit-remaining"], str(left))
            self.assertIn(f'"login-{year_s}s";q=50', answer.headers["ratelimit-policy"])
        self.assertEqual(envoy.get("/login", bob).status, 429)      # by its address
        self.assertEqual(envoy.get("/", bob).status, 200)

    def test_a_request_may_cost_more_than_one(self):
        (node,), _, envoy = self.start({"per-key": "[{requests: 12, per: 30d}]"})
        self.assertEqual([envoy.get("/export/x", alice).status for _ in range(3)], [200, 200, 429])
        self.assertEqual(envoy.get("/", alice).headers["x-ratelimit-remaining"], "1")
        self.assertEqual(node.total(principal="alice"), 11)

    def test_a_limit_that_comes_with_the_request(self):
        config = replaced(self.example("ratelimit.yaml"), before_filters, before_filters + override_filter, 1)
        config = replaced(config, before_routes, before_routes + override_route, 1)
        (_,), _, envoy = self.start({"per-key": "[{requests: 100, per: 30d}]"}, config=config)
        answers = [envoy.get("/plan", alice) for _ in range(3)]
        self.assertEqual([each.status for each in answers], [200, 200, 429])
        self.assertRegex(answers[0].headers["x-ratelimit-limit"], "^2, 2;w=86400")
        self.assertEqual([each.headers["x-ratelimit-remaining"] for each in answers], ["1", "0", "0"])
        self.assertEqual(envoy.get("/", alice).status, 200)

    def test_descriptors_without_a_limit_pass_and_do_not_hide_the_others(self):
        config = replaced(self.example("ratelimit.yaml"), before_routes, before_routes + other_route, 1)
        (_,), _, envoy = self.start({"per-key": "[{requests: 1, per: 30d}]"}, config=config, more_rules=unlimited_rule)
        for headers in ({"X-Unknown": "x"}, {"X-Free": "x"}, {"X-Unknown": "x", "X-Free": "x"}):
            for _ in range(2):
                answer = envoy.get("/other", headers)
                self.assertEqual((answer.status, self.headers_of(answer, "x-ratelimit")), (200, {}), headers)
        every = {"X-Unknown": "x", "X-Free": "x", **alice}
        answers = [envoy.get("/other", every) for _ in range(2)]
        self.assertEqual([each.status for each in answers], [200, 429])
        for answer in answers:
            self.assertEqual(answer.headers["x-ratelimit-limit"], f'1, 1;w={month_s};name="per-key"')
            self.assertEqual(answer.headers["x-ratelimit-remaining"], "0")
        self.assertEqual(envoy.get("/other").status, 200)   # no descriptor at all: the node is not even asked
        self.assertEqual(self.stats(envoy), (7, 1, 0, 0))

    def test_over_a_unix_socket(self):
        path = self.directory / "http.sock"
        config = self.example("ratelimit.yaml")
        start = config.index("    - name: starling\n")
        cluster = replaced(config[start:], "type: STRICT_DNS", "type: STATIC", 1)
        cluster = replaced(cluster, "      dns_refresh_rate: 0.1s\n", "", 1)
        cluster = replaced(cluster, f"socket_address: {{address: {self.nodes_name}, port_value: 8081}}", f"pipe: {{path: {path}}}", 1)
        (node,), _, envoy = self.start({"per-key": "[{requests: 2, per: 30d}]"}, config=config[:start] + cluster,
                                       http_listen=f"unix:{path}")
        self.assertEqual([envoy.get("/", alice).status for _ in range(3)], [200, 200, 429])
        self.assertEqual(self.stats(envoy), (2, 1, 0, 0))
        self.assertEqual(node.terminate(), 0)
        node.start().wait_ready()
        wait_until("Envoy to see it again", lambda: envoy.healthy_count() == 1)
        self.assertEqual([envoy.get("/", alice).status for _ in range(3)], [200, 200, 429])

    # --- failures

    def test_without_a_node_requests_pass_and_the_limit_comes_back_with_it(self):
        (node,), _, envoy = self.start({"per-key": "[{requests: 1, per: 30d}]"})
        self.assertEqual([envoy.get("/", alice).status for _ in range(2)], [200, 429])
        node.kill()
        answers = [envoy.get("/", alice) for _ in range(5)]
        self.assertEqual([each.status for each in answers], [200] * 5)
        self.assertEqual([self.headers_of(each, "x-ratelimit") for each in answers], [{}] * 5)
        self.assertEqual(self.stats(envoy), (1, 1, 5, 5))
        node.start().wait_ready()  # alone, with no count from before
        wait_until("the limit to hold again", lambda: envoy.get("/", alice).status == 429)
        self.assertEqual(node.total(principal="alice"), 1)

    def test_with_failure_mode_deny_requests_fail_while_no_node_answers(self):
        config = replaced(self.example("ratelimit.yaml"), "failure_mode_deny: false", "failure_mode_deny: true", 1)
        (node,), app, envoy = self.start({}, config=config)
        self.assertEqual(envoy.get("/", alice).status, 200)
        node.kill()
        self.assertEqual([envoy.get("/", alice).status for _ in range(3)], [500] * 3)
        self.assertEqual((self.stats(envoy), len(app.seen)), ((1, 0, 3, 0), 1))
        node.start().wait_ready()
        wait_until("requests to pass again", lambda: envoy.get("/", alice).status == 200)

    def test_a_node_that_stands_still_costs_the_timeout_and_no_more(self):
        (node,), _, envoy = self.start({}, config=self.example("ratelimit.yaml", patient=False))
        node.pause()
        self.addCleanup(node.resume)
        self.assertEqual(envoy.get("/", alice).status, 200)
        wait_until("an error that was let pass", lambda: self.stats(envoy)[2:] == (1, 1))
        node.resume()
        wait_until("an answer of the node", lambda: "ratelimit" in envoy.get("/", alice).headers)

    # --- three nodes

    def test_three_nodes_behind_one_envoy_hold_one_limit(self):
        nodes, _, envoy = self.start({"per-key": "[{requests: 30, per: 30d}]"}, 3)
        with envoy.session() as session:
            for number in range(30):
                answer = session.request("/", headers=alice)
                self.assertEqual((answer.status, answer.headers["x-ratelimit-remaining"]), (200, str(29 - number)))
                self.wait_totals(nodes, number + 1, principal="alice")
            for _ in range(6):
                self.assertEqual(session.request("/", headers=alice).status, 429)
        self.assertEqual(sorted(nodes[0].components(principal="alice").values()), [10, 10, 10])
        self.assertEqual(self.stats(envoy), (30, 6, 0, 0))

    def test_a_rolling_restart_fails_no_request_and_loses_no_count(self):
        nodes, _, envoy = self.start({"per-key": "[{requests: 1000000, per: 30d}]"}, 3)
        statuses = self.restart_under_load(nodes, envoy, lambda node: self.assertEqual(node.terminate(), 0))
        self.assertEqual(set(statuses), {200})
        ok, over, error, allowed = self.stats(envoy)
        self.assertEqual((ok, over, error, allowed), (len(statuses), 0, 0, 0))
        for node in nodes:
            wait_equal(f"the count on {node.name}", lambda: node.total(principal="alice"), len(statuses))

    def test_killing_one_node_after_the_other_lets_no_request_pass_unasked(self):
        nodes, _, envoy = self.start({"per-key": "[{requests: 1000000, per: 30d}]"}, 3)
        statuses = self.restart_under_load(nodes, envoy, lambda node: node.kill())
        self.assertEqual(set(statuses), {200})
        self.assertEqual(self.stats(envoy), (len(statuses), 0, 0, 0))

    def test_new_nodes_are_found_by_their_name(self):
        limits = {"per-key": "[{requests: 1000000, per: 30d}]"}
        (node,), _, envoy = self.start(limits, neighborhood_host=self.neighborhood(2))
        second = self.node(2, neighborhood_host=self.neighborhood(2), config=self.rules_with("rules.yaml", limits))
        self.wait_together([node, second])
        self.dns().set(self.nodes_name, [node.address, second.address])
        wait_until("Envoy to see both", lambda: envoy.healthy_count() == 2)
        wait_until("the new node to be asked",
                   lambda: envoy.get("/", alice).status == 200 and second.components(principal="alice").get(second.origin()))


if __name__ == "__main__":
    need_envoy()
    main()
