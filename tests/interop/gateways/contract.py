"""What every gateway must do, tested on each of them: a mixin for a GatewayCase.

What a proxy cannot do is said by the flags below, in its test file and in README, and the test then demands exactly that.
"""

from harness import wait_until

limit_names = ("RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
body_bytes = 300_000
small_body = b"body"


class Contract:
    headers_on_allowed = True    # clients see what is left before they are denied
    unavailable_status = 503     # of the fail-closed variant while no node answers; None: it has no such variant
    unavailable_retry_after = True
    fails_open = True            # has a variant that passes requests while no node answers
    keeps_connection_with_refused_body = True  # or may close it when it answers before it has read the body
    tells_original = False       # the configuration hands over method, host and path for rules that ask for them
    variants_limited = ("open",)  # variants whose every-day behaviour is tested

    def assert_denied(self, answer):
        self.assertEqual(answer.status, 429, answer)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertEqual(answer.headers["X-RateLimit-Remaining"], "0")
        for name in limit_names:
            self.assertEqual(len(answer.headers.get_all(name, [])), 1, f"{name} in {answer.headers.items()}")
        self.assertIn("json", answer.headers["Content-Type"])
        self.assertIn("message", answer.json())

    def assert_allowed(self, answer, remaining=None):
        self.assertEqual(answer.status, 200, answer)
        self.assertIsNone(answer.headers["Retry-After"])
        for name in limit_names:
            self.assertEqual(len(answer.headers.get_all(name, [])), int(self.headers_on_allowed), (name, answer.headers.items()))
        if self.headers_on_allowed and remaining is not None:
            self.assertEqual(answer.headers["X-RateLimit-Remaining"], str(remaining))

    def test_the_limit_passes_and_then_denials_are_clean_on_one_connection(self):
        """One connection all the time: a gateway that closes it at denials makes clients that are denied come back dearer."""
        limit = 5
        for number, variant in enumerate(self.variants_limited, start=1):
            with self.subTest(variant=variant):
                node = self.beside(limit) if number == 1 else self._nodes[0]
                process = self.gateway(node, number, variant)
                before = self.backend().requests_count()
                with self.client(number) as client:
                    for passed in range(limit):
                        self.assert_allowed(client.get("/some/path?a=b", key=variant), limit - passed - 1)
                    for _ in range(limit):
                        self.assert_denied(client.get("/some/path?a=b", key=variant))
                    answer = client.get("/other", key=variant + "-other")
                    self.assert_allowed(answer, limit - 1)
                    self.assertEqual((answer.json()["method"], answer.json()["target"]), ("GET", "/other"))
                self.assertEqual(self.backend().requests_count() - before, limit + 1)
                self.assertEqual(node.total(principal=variant), limit)
                self.assert_log_is_quiet(process)

    def assert_log_is_quiet(self, process):
        """Nothing that is said once per denial may be an error."""
        wrong = [line for line in process.log().splitlines() if any(word in line.lower() for word in ("[error]", "[alert]", "[crit]"))]
        self.assertEqual(wrong, [])

    def test_a_request_that_no_rule_is_about_passes_without_a_word(self):
        node = self.node(1, config=self.rules("rules:\n  - name: some\n    match: {principal: some}\n"
                                              "    limits: [{requests: 1, per: 366d}]\n"),
                         **self.settings_beside()).wait_ready()
        self.gateway(node)
        with self.client() as client:
            answer = client.get("/", key="other")
            self.assertEqual((answer.status, answer.json()["target"]), (200, "/"))
            for name in ("Retry-After", *limit_names):
                self.assertIsNone(answer.headers[name], name)

    def test_other_methods_and_bodies_pass_whole_or_are_denied_at_once(self):
        node = self.beside(3)
        self.gateway(node)
        body = b"x" * body_bytes
        with self.client() as client:
            for method in ("POST", "PUT"):
                answer = client.request(method, "/upload", "alice", body=body)
                self.assert_allowed(answer)
                self.assertEqual((answer.json()["method"], answer.json()["body_bytes"]), (method, body_bytes))
            answer = client.request("POST", "/upload", "bob", body=iter([body, small_body]))  # chunked
            self.assert_allowed(answer)
            self.assertEqual(answer.json()["body_bytes"], len(body) + len(small_body))
            self.assertEqual(client.request("HEAD", "/upload", "alice").status, 200)
            self.assertEqual(client.request("HEAD", "/upload", "alice").status, 429)
            for refused in (b"small", b"small", body, b"small"):
                if self.keeps_connection_with_refused_body:
                    self.assert_denied(client.request("POST", "/upload", "alice", body=refused))
                else:
                    with self.client() as once:
                        self.assert_denied(once.request("POST", "/upload", "alice", body=refused))
        self.assertEqual(node.total(principal="alice"), 3)

    def test_an_error_of_the_backend_is_passed_on_as_it_is(self):
        self.gateway(self.beside(10))
        for status in (401, 403, 404, 429, 500, 503):
            with self.subTest(status=status), self.client() as client:
                answer = client.get("/", key="alice", X_Want_Status=str(status))
                self.assertEqual((answer.status, answer.json()["target"]), (status, "/"))
                self.assertEqual(answer.headers["X-RateLimit-Limit"], "10" if self.headers_on_allowed else None)

    def test_what_a_client_writes_is_a_value_and_never_part_of_the_question(self):
        """Keys that look like parts of a query, escapes and all: each is the name of a counter of its own."""
        node = self.beside(1)
        self.gateway(node)
        keys = ("mallory&hits=0", "mallory?hits=0", "mallory%26hits=0", "mallory&deny_status=200", "hits=0&principal=alice",
                "m;hits=0", "m#hits=0", "m/../x", "a b", "%00", "%", "+", "mallory&principal=mallory", "a=b", '"quoted"', "\\")
        with self.client() as client:
            for key in keys:
                with self.subTest(key=key):
                    self.assert_allowed(client.get("/?hits=0&principal=bob&deny_status=200", key=key), 0)
                    self.assert_denied(client.get("/?hits=0&principal=bob&deny_status=200", key=key))
                    self.assertEqual(node.total(principal=key), 1)
            for key in ("alice", "bob", "mallory"):
                self.assertEqual(node.total(principal=key), 0, key)

    def test_an_absurd_key_is_no_way_around_the_limit(self):
        """The node may refuse what it takes for nonsense, and the proxy may; but nobody passes uncounted by it."""
        node = self.beside(1)
        self.gateway(node)
        for key in ("k" * 3000, "k" * 7000, "&" * 7000, "k" * 20000, "\xe9\xff", "a\tb"):
            with self.subTest(key=f"{key[:4]!r} of {len(key)}"):
                with self.client() as client:
                    first = client.get("/", key=key)
                with self.client() as client:
                    second = client.get("/", key=key)
                self.assertIn(first.status, (200, 400, 403, 414, 429, 431, 494, 500, 502, 503))
                self.assertNotEqual(second.status, 200)

    def test_without_a_key_the_clients_real_address_counts_whatever_it_claims(self):
        node = self.beside(2)
        self.gateway(node)
        forged = {"X_Forwarded_For": "9.9.9.9, 8.8.8.8", "X_Real_IP": "9.9.9.9", "Forwarded": "for=9.9.9.9",
                  "X_Forwarded_Uri": "/free?hits=0", "X_Original_URI": "/free?hits=0", "X_Original_URL": "http://free/",
                  "X_Forwarded_Method": "OPTIONS", "X_Forwarded_Host": "free", "X_Starling_Principal": "somebody"}
        first, second = self.client_address(1), self.client_address(2)
        with self.client(source=first) as client:
            self.assert_allowed(client.get("/"))
            self.assert_allowed(client.get("/", **forged))
            self.assert_denied(client.get("/", **{**forged, "X_Forwarded_For": "7.7.7.7"}))
        with self.client(source=second) as client:
            self.assert_allowed(client.get("/", key=""))
        self.assertEqual((node.total(principal=first), node.total(principal=second)), (2, 1))
        self.assertEqual(node.total(principal="9.9.9.9"), 0)

    def test_rules_may_ask_for_method_host_and_path_and_clients_cannot_lie_about_them(self):
        if not self.tells_original:
            self.skipTest("here each entry is written into the question by hand")
        settings = {**self.settings_beside(), "attributes": self.node_settings["attributes"] + ",method,host,path"}
        node = self.node(1, config=self.rules(
            'rules:\n  - name: login\n    match: {method: POST, host: shop.example, path: /login, principal: "*"}\n'
            "    limits: [{requests: 2, per: 366d}]\n"), **settings).wait_ready()
        self.gateway(node)
        lies = {"X_Forwarded_Uri": "/free", "X_Forwarded_Method": "GET", "X_Original_URI": "/free", "X_Original_Method": "GET",
                "X_Original_URL": "http://free/free"}
        with self.client() as client:
            self.assert_allowed(client.request("POST", "/login?next=/&hits=0", "alice", body=small_body, Host="shop.example"), 1)
            self.assert_allowed(client.request("POST", "/%6Cogin", "alice", body=small_body, Host="Shop.Example:80", **lies), 0)
        with self.client() as client:
            self.assert_denied(client.request("POST", "/login", "alice", Host="shop.example", **lies))
            self.assertIsNone(client.request("GET", "/login", "alice", Host="shop.example").headers["X-RateLimit-Limit"])
            self.assertIsNone(client.request("POST", "/logout", "alice", Host="shop.example").headers["X-RateLimit-Limit"])

    def _node_goes_and_comes_back(self, variant, expect_without):
        """`expect_without(answer)` looks at what clients get meanwhile."""
        node = self.beside(1)
        self.gateway(node, variant=variant)

        def denied():
            with self.client() as client:
                return client.get("/", key="alice").status == 429

        wait_until("a denial", denied)
        node.kill()
        with self.client() as client:
            for _ in range(3):
                expect_without(client.get("/", key="alice"))
        with self.client() as client:
            expect_without(client.request("POST", "/", "alice", body=small_body))
        node.start().wait_ready()
        wait_until("denials again", denied)
        node.pause()  # not refused but silent: the timeout decides
        self.addCleanup(node.resume)
        with self.client() as client:
            expect_without(client.get("/", key="alice"))
        node.resume()
        wait_until("denials after the pause", denied)

    def test_without_a_node_requests_pass_if_it_fails_open(self):
        if not self.fails_open:
            self.skipTest("this proxy has no way to fail open")

        def passed(answer):
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json()["body_bytes"], len(small_body) if answer.json()["method"] == "POST" else 0)

        self._node_goes_and_comes_back("open", passed)

    def test_without_a_node_requests_are_refused_if_it_fails_closed(self):
        if self.unavailable_status is None:
            self.skipTest("this proxy has no way to fail closed")

        def refused(answer):
            self.assertEqual(answer.status, self.unavailable_status, answer)
            self.assertEqual(answer.headers["Retry-After"] is not None, self.unavailable_retry_after)

        self._node_goes_and_comes_back("closed", refused)
