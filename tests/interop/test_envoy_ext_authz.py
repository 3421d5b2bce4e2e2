#!/usr/bin/env python3
"""A real Envoy asks by its ext_authz filter over HTTP, with scripts/gateways/envoy/ext_authz.yaml.

What Envoy 1.40 sends for `PUT /a/b?hits=0` with a body, by that file (recorded from a socket):

    PUT /v1/check/a/b?hits=0 HTTP/1.1          the client's method, path and query, behind path_prefix
    host: gateway.example:8000                 the client's
    content-length: 0                          whatever the body
    x-api-key: alice                           allowed_headers
    x-client-address: 127.66.0.9               headers_to_add, instead of what the client sent under this name
    x-envoy-internal: true                     only if the client is
    x-envoy-expected-rq-timeout-ms: 200        the timeout of server_uri

X-Forwarded-For is not sent unless allowed_headers names it; then its last value is the client's address as Envoy saw it (and
Envoy's own address, if the client is 127.0.0.1). A path is sent as the client wrote it (`/..%2f%2e./x//y`) unless
normalize_path is set. `OPTIONS *` Envoy answers with 404 itself.
"""


from envoy_proxy import EnvoyCase, need_envoy, replaced

from harness import main, wait_equal, wait_until

attributes = "principal=X-Api-Key,client_ip=X-Client-Address,path=@path"


class ExtAuthz(EnvoyCase):
    def start(self, limits, nodes_count=1, config=None, learning=None, **settings):
        rules = self.rules_with("ext_authz_rules.yaml", limits, learning)
        nodes = self.cluster(nodes_count, config=rules, attributes=attributes, **settings)
        app = self.app()
        return nodes, app, self.envoy(config or self.example("ext_authz.yaml"), nodes)

    def test_a_denial_reaches_the_client_as_the_node_wrote_it_and_never_the_app(self):
        (node,), app, envoy = self.start({"per-key": "[{requests: 2, per: 30d}]"})
        alice = {"X-Api-Key": "alice"}
        for left in (1, 0):
            answer = envoy.get("/a/b", alice)
            self.assertEqual((answer.status, answer.body), (200, b"app\n"))
            self.assertEqual(answer.headers["X-RateLimit-Remaining"], str(left))
            self.assertIn('"per-key";q=2;w=2592000', answer.headers["RateLimit-Policy"])
            self.assertNotIn("Retry-After", answer.headers)
        denied = envoy.get("/a/b", alice, method="POST", body=b"x" * 100_000)
        self.assertEqual(denied.status, 429)
        self.assertIn("rate limit exceeded: 2 per 2592000 s", denied.json()["message"])
        self.assertEqual(denied.headers["Content-Type"], "application/json")
        self.assertGreaterEqual(int(denied.headers["Retry-After"]), 1)
        self.assertEqual(denied.headers["X-RateLimit-Reset"], denied.headers["Retry-After"])
        self.assertEqual(denied.headers["X-RateLimit-Remaining"], "0")
        self.assertEqual(envoy.get("/a/b", {"X-Api-Key": "bob"}).status, 200)
        self.assertEqual([path for _, path, _ in app.seen], ["/a/b"] * 3)
        self.assertEqual([headers["X-Api-Key"] for _, _, headers in app.seen], ["alice", "alice", "bob"])
        self.assertEqual(node.total(principal="alice"), 2)
        stats = envoy.stats("cluster.app.ext_authz.")
        self.assertEqual((stats["ok"], stats["denied"], stats.get("error", 0)), (3, 1, 0))

    def test_nothing_that_a_client_writes_becomes_a_parameter(self):
        (node,), _, envoy = self.start({"per-key": "[{requests: 3, per: 30d}]", "login": "[{requests: 2, per: 30d}]"})
        forged = {"X-Api-Key": "alice", "X-Client-Address": "9.9.9.9", "X-Forwarded-For": "8.8.8.8", "X-Original-URI": "/x"}
        for target in ("/?hits=0&principal=bob", "/login?deny_status=403&domain=other", "/x/../login?hits=0"):
            self.assertEqual(envoy.get(target, forged).status, 200)
        self.assertEqual(node.total(principal="alice"), 3)
        self.assertEqual(node.counters(principal="bob"), [])
        # The limit of the login page, by the address that Envoy saw: another caller from there is denied.
        denied = envoy.get("/login?deny_status=200", {"X-Api-Key": "carol"})
        self.assertEqual(denied.status, 429)
        self.assertIn('"login";q=2', denied.headers["RateLimit-Policy"])
        self.assertEqual(envoy.get("/", {"X-Api-Key": "carol"}).status, 200)

    def test_the_clients_address_by_x_forwarded_for(self):
        """As Envoy Gateway has it, where no header can be added: the last value is what Envoy saw itself."""
        config = replaced(self.example("ext_authz.yaml"), "- {exact: x-api-key, ignore_case: true}",
                          "- {exact: x-forwarded-for, ignore_case: true}", 1)
        rules = self.rules_with("ext_authz_rules.yaml", {"login": "[{requests: 2, per: 30d}]"})
        (node,) = self.cluster(1, config=rules, attributes="client_ip,path=@path", trusted_hops=1)
        self.app()
        envoy = self.envoy(config, [node])
        answers = [envoy.get("/login", {"X-Forwarded-For": f"9.9.9.{number}"}).status for number in range(3)]
        self.assertEqual(answers, [200, 200, 429])
        self.assertEqual(node.counters(path="/login", client_ip="9.9.9.0"), [])

    def test_learning_and_routes_without_a_limit_pass(self):
        (node,), _, envoy = self.start({"per-address": "[{requests: 1, per: 30d}]"}, learning="per-address")
        self.assertEqual(envoy.get("/").headers.get("Starling-Learning"), None)
        answer = envoy.get("/")
        self.assertEqual((answer.status, answer.headers["Starling-Learning"]), (200, "true"))
        self.assertEqual(self.headers_of(envoy.get("/healthz"), "x-ratelimit"), {})
        self.assertEqual(sum(each["total"] for each in node.counters(client_ip="127.0.0.1")
                             + node.counters(client_ip=envoy.address)), 2)

    def test_three_nodes_behind_one_envoy_hold_one_limit(self):
        nodes, _, envoy = self.start({"per-key": "[{requests: 30, per: 30d}]"}, 3)
        with envoy.session() as session:
            for number in range(30):
                self.assertEqual(session.request("/", headers={"X-Api-Key": "alice"}).status, 200, number)
                self.wait_totals(nodes, number + 1, principal="alice")
            for _ in range(6):
                self.assertEqual(session.request("/", headers={"X-Api-Key": "alice"}).status, 429)
        self.assertEqual(sorted(nodes[0].components(principal="alice").values()), [10, 10, 10])

    def test_a_rolling_restart_fails_no_request_and_loses_no_count(self):
        nodes, _, envoy = self.start({"per-key": "[{requests: 1000000, per: 30d}]"}, 3)
        statuses = self.restart_under_load(nodes, envoy, lambda node: self.assertEqual(node.terminate(), 0))
        self.assertEqual(set(statuses), {200})
        stats = envoy.stats("cluster.app.ext_authz.")
        self.assertEqual((stats["ok"], stats.get("error", 0)), (len(statuses), 0))
        for node in nodes:
            wait_equal(f"the count on {node.name}", lambda: node.total(principal="alice"), len(statuses))

    def test_without_a_node_requests_pass_and_the_limit_comes_back_with_it(self):
        (node,), app, envoy = self.start({"per-key": "[{requests: 1, per: 30d}]"})
        alice = {"X-Api-Key": "alice"}
        self.assertEqual([envoy.get("/", alice).status for _ in range(2)], [200, 429])
        node.kill()
        wait_until("requests to pass", lambda: envoy.get("/", alice).status == 200)
        self.assertEqual(app.seen[-1][2]["X-Envoy-Auth-Failure-Mode-Allowed"], "true")
        self.assertGreaterEqual(envoy.stats("cluster.app.ext_authz.")["failure_mode_allowed"], 1)
        node.start().wait_ready()  # alone, with no count from before
        wait_until("the limit to hold again", lambda: envoy.get("/", alice).status == 429)
        self.assertEqual(node.total(principal="alice"), 1)

    def test_with_failure_mode_deny_requests_fail_while_no_node_answers(self):
        config = replaced(self.example("ext_authz.yaml"), "failure_mode_allow: true", "failure_mode_allow: false", 1)
        (node,), _, envoy = self.start({}, config=config)
        self.assertEqual(envoy.get("/").status, 200)
        node.kill()
        wait_until("requests to fail", lambda: envoy.get("/").status == 403)
        node.start().wait_ready()
        wait_until("requests to pass again", lambda: envoy.get("/").status == 200)

    def test_a_node_that_stands_still_costs_the_timeout_and_no_more(self):
        (node,), _, envoy = self.start({}, config=self.example("ext_authz.yaml", patient=False))
        node.pause()
        self.addCleanup(node.resume)
        self.assertEqual(envoy.get("/").status, 200)
        self.assertGreaterEqual(envoy.stats("cluster.app.ext_authz.")["failure_mode_allowed"], 1)


if __name__ == "__main__":
    need_envoy()
    main()
