#!/usr/bin/env python3
"""What answers say of the limits: in each family of headers, and in each form of a denial."""

import calendar
import email.utils
import re

from harness import ClusterCase, main

# Kong names its windows, so they cannot be chosen by the clock like those of long_window(); these end once in a month.
two_limits = """
rules:
  - name: each
    match: {principal: "*"}
    limits: [{requests: 2, per: 30d}, {requests: 50, per: 365d}]
"""
limit_header = re.compile(r"^(x-)?ratelimit", re.IGNORECASE)
month_s = 30 * 86400
year_s = 365 * 86400


class Headers(ClusterCase):
    def node_with(self, families):
        environment = {} if families is None else {"STARLING_HEADERS": families}
        return self.node(1, environment, config=self.rules(two_limits)).wait_ready()

    def limit_headers(self, answer):
        return {name: value for name, value in answer.headers.items() if limit_header.match(name)}

    def deny(self, node, headers=None, **query):
        """The first denial, and what it explained."""
        for _ in range(2):
            self.assertEqual(node.check(principal="alice").status, 200)
        target = "/v1/check?principal=alice" + "".join(f"&{key}={value}" for key, value in query.items())
        with node.session() as session:
            answer = session.request(target, headers=headers)
            explained = session.request(target + "&explain=1").json()["limits"]
        self.assertEqual(answer.status, int(query.get("deny_status", 429)))
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        return answer, explained

    def test_by_default_the_drafts_and_x_ratelimit(self):
        node = self.node_with(None)
        allowed = node.check(principal="bob")
        self.assertEqual(sorted(self.limit_headers(allowed)), [
            "RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"])
        self.assertEqual(allowed.headers["RateLimit-Policy"],
                         f'"each-{month_s}s";q=2;w={month_s}, "each-{year_s}s";q=50;w={year_s}')
        self.assertRegex(allowed.headers["RateLimit"], rf'^"each-{month_s}s";r=1;t=\d+, "each-{year_s}s";r=49;t=\d+$')
        self.assertNotIn("Retry-After", allowed.headers)
        denied, _ = self.deny(node)
        self.assertRegex(denied.headers["RateLimit"],
                         rf'^"each-{month_s}s";r=0;t={denied.headers["Retry-After"]}, "each-{year_s}s";r=48;t=\d+$')
        self.assertEqual(denied.headers["X-RateLimit-Reset"], denied.headers["Retry-After"])

    def test_spinnaker(self):
        denied, explained = self.deny(self.node_with("spinnaker"))
        self.assertEqual(sorted(self.limit_headers(denied)), [
            "X-RateLimit-Capacity", "X-RateLimit-Learning", "X-RateLimit-Remaining", "X-RateLimit-Reset"])
        self.assertEqual(denied.headers["X-RateLimit-Capacity"], "2")
        self.assertEqual(denied.headers["X-RateLimit-Remaining"], "0")
        self.assertEqual(denied.headers["X-RateLimit-Learning"], "false")
        reset = email.utils.parsedate_to_datetime(denied.headers["X-RateLimit-Reset"])
        self.assertEqual(calendar.timegm(reset.utctimetuple()), (explained[0]["window_id"] + 1) * month_s)
        self.assertEqual(denied.json(), {"message": "Rate capacity exceeded"})

    def test_kong(self):
        denied, _ = self.deny(self.node_with("kong"))
        self.assertEqual(self.limit_headers(denied), {
            "RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": denied.headers["Retry-After"],
            "X-RateLimit-Limit-Month": "2", "X-RateLimit-Remaining-Month": "0",
            "X-RateLimit-Limit-Year": "50", "X-RateLimit-Remaining-Year": "48"})

    def test_all_that_go_together(self):
        names = self.limit_headers(self.deny(self.node_with("kong,spinnaker,ietf"))[0])
        self.assertEqual(len(names), 2 + 4 + 3 + 4)

    def test_none_but_retry_after(self):
        denied, _ = self.deny(self.node_with("none"), deny_status="403")
        self.assertEqual(self.limit_headers(denied), {})

    def test_two_meanings_of_one_header_are_refused_at_the_start(self):
        for source in ({"environment": {"STARLING_HEADERS": "x-ratelimit,spinnaker"}}, {}):
            arguments = [] if source else ["--headers", "x-ratelimit,spinnaker"]
            ended = self.starling("node", "--bind", self.subnet.host(1), *arguments, **source)
            self.assertEqual(ended.returncode, 2)
            for word in ("x-ratelimit", "spinnaker", "X-RateLimit-Reset"):
                self.assertIn(word, ended.stderr)

    def test_the_form_of_a_denial_is_what_accept_prefers(self):
        node = self.node_with(None)
        forms = (
            (None, "application/json"),
            ("*/*", "application/json"),
            ("application/problem+json", "application/problem+json"),
            ("application/problem+json;q=0.4, application/json;q=0.3", "application/problem+json"),
            ("application/problem+json, application/*", "application/problem+json"),
            ("application/problem+json;q=0.4, application/json", "application/json"),
            ("text/plain", "text/plain; charset=utf-8"),
            ("text/plain, */*;q=0.1", "application/json"),
            ("application/problem+json;q=high", "application/json"),
        )
        self.deny(node)
        with node.session() as session:
            for accept, expected in forms:
                with self.subTest(accept=accept):
                    answer = session.request("/v1/check?principal=alice", headers=accept and {"Accept": accept})
                    self.assertEqual((answer.status, answer.headers["Content-Type"]), (429, expected))
                    if expected == "application/json":
                        self.assertEqual(list(answer.json()), ["message"])
            problem = session.request("/v1/check?principal=alice", headers={"Accept": "application/problem+json"}).json()
            self.assertEqual(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded")
            self.assertEqual(problem["status"], 429)
            self.assertEqual(problem["violated-policies"], [f"each-{month_s}s"])
            head = session.request("/v1/check?principal=alice", method="HEAD", headers={"Accept": "text/plain"})
            self.assertEqual((head.status, head.body), (429, b""))
            self.assertEqual(session.request("/v1/check?principal=bob").status, 200)


if __name__ == "__main__":
    main()
