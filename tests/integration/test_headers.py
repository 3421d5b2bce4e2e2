#!/usr/bin/env python3
"""What answers say of the limits: in each family of headers, and in each form of a denial."""

import calendar
import email.utils
import re

from harness import ClusterCase, main, wait_until

# Kong names its windows, so they cannot be chosen by the clock like those of long_window(); these end once in a month.
two_limits = """
rules:
  - name: each
    match: {principal: "*"}
    limits: [{requests: 2, per: 30d}, {requests: 50, per: 365d}]
"""
learning_rules = """
learning: true
rules:
  - name: each
    match: {principal: "*"}
    limits: [{requests: 1, per: 30d}]
    enforcing: [alice, both]
    ignoring: [both]
  - name: trial
    match: {trial: "*"}
    limits: [{requests: 1, per: 30d}]
    learning: true
  - name: held
    match: {held: "*"}
    limits: [{requests: 1, per: 30d}]
    learning: false
    ignoring: [carol]
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

    def test_what_learns_counts_says_so_and_denies_nobody(self):
        node = self.node(1, {"STARLING_HEADERS": "spinnaker"}, config=self.rules(learning_rules)).wait_ready()
        # who asks: what the second request beyond the limit gets
        learns = (200, "true", "true")
        holds = (429, None, "false")
        callers = (({"principal": "bob"}, learns), ({"principal": "alice"}, holds), ({"principal": "both"}, learns),
                   ({"trial": "bob"}, learns), ({"held": "bob"}, holds), ({"held": "carol"}, learns))
        for caller, expected in callers:
            with self.subTest(caller=caller):
                enforced = expected is holds
                first = node.check(**caller)
                self.assertEqual((first.status, first.headers.get("Starling-Learning")), (200, None))
                self.assertEqual(first.headers["X-RateLimit-Learning"], "false" if enforced else "true")
                for _ in range(2):
                    answer = node.check(**caller)
                    self.assertEqual((answer.status, answer.headers.get("Starling-Learning"),
                                      answer.headers["X-RateLimit-Learning"]), expected)
                self.assertEqual("Retry-After" in answer.headers, enforced)
                self.assertEqual(answer.headers["X-RateLimit-Remaining"], "0")
                told = node.check(**caller, explain=1).json()
                self.assertEqual((told["allowed"], told["learned"]), (not enforced, not enforced))
                limit = told["limits"][0]
                self.assertEqual((limit["enforced"], limit["allowed"]), (enforced, False))
                self.assertEqual(limit["contradiction"], caller == {"principal": "both"})
                # What was let pass is counted; what was denied is not.
                self.assertEqual(limit["used"], 1 if enforced else 4)

    def test_who_is_put_into_both_live_lists_learns_and_the_node_warns_of_it_once(self):
        node = self.node(1, config=self.rules(two_limits)).wait_ready()
        server = ["--server", f"http://{node.address}:9090"]
        self.deny(node)
        first = self.starling("enforce", "add", "alice", *server)
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        second = self.starling("ignore", "add", "alice", *server)
        self.assertEqual((second.returncode, second.stderr),
                         (0, "starling: warning: the same caller is in enforcing as well; in both it only learns\n"))
        told = node.check(principal="alice", explain=1)
        self.assertEqual((told.status, told.headers["Starling-Learning"]), (200, "true"))
        self.assertTrue(told.json()["limits"][0]["contradiction"])
        wait_until("the warning", lambda: "in both it only learns" in node.log())
        self.assertEqual(node.log().count("in both it only learns"), 1)

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
