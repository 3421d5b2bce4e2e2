#!/usr/bin/env python3
"""POST /json and GET /healthcheck of a real node, as Envoy's reference service has them."""

import json
import signal
import socket
import urllib.error
import urllib.request

from harness import HTTP_PORT, ClusterCase, main, patience, wait_until

rules = """
domain: edge
rules:
  - name: user
    match: {user: "*"}
    limits: [{requests: 2, per: 365d}]
  - name: trial
    match: {trial: "*"}
    limits: [{requests: 1, per: 7d}]
    learning: true
  - name: free
    match: {free: "*"}
    unlimited: true
"""


def entries(**pairs):
    return {"entries": [{"key": key, "value": value} for key, value in pairs.items()]}


def question(*descriptors, **more):
    return {"domain": "edge", "descriptors": list(descriptors), **more}


class RlsJson(ClusterCase):
    def ready(self, **settings):
        settings.setdefault("headers", "none")
        return self.node(1, config=self.rules(rules), **settings).wait_ready()

    def ask(self, node, body, method="POST", path="/json"):
        """(status, headers, document) by another client than the harness's: what a script would use."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{node.address}:{HTTP_PORT}{path}", data=data, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=5 * patience())
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text.startswith(b"{") else text

    def test_both_spellings_are_charged_to_one_counter_and_then_denied(self):
        node = self.ready()
        snake = question({**entries(user="alice"), "hits_addend": "1"}, hits_addend=5)
        camel = question({**entries(user="alice"), "hitsAddend": 1}, hitsAddend=5)
        for body, left in ((snake, 1), (camel, 0)):
            status, headers, answer = self.ask(node, body)
            self.assertEqual((status, headers["Content-Type"], headers["Retry-After"]), (200, "application/json", None))
            told = answer["statuses"][0]
            self.assertRegex(told.pop("durationUntilReset"), r"^\d+s$")
            limit = {"requestsPerUnit": 2, "unit": "YEAR", "name": "user"}
            expected = {"code": "OK", "currentLimit": limit, **({"limitRemaining": left} if left else {})}
            self.assertEqual(answer, {"overallCode": "OK", "statuses": [expected]})
        status, headers, answer = self.ask(node, snake)
        self.assertEqual((status, answer["overallCode"], answer["statuses"][0]["code"]), (429, "OVER_LIMIT", "OVER_LIMIT"))
        self.assertEqual(answer["responseHeadersToAdd"], [{"key": "retry-after", "value": headers["Retry-After"]}])
        # The check API counts in the same place.
        self.assertEqual(node.check(domain="edge", user="alice").status, 429)
        self.assertEqual(node.check(domain="edge", user="bob").status, 200)
        self.assertEqual(self.ask(node, question(entries(user="bob")))[2]["statuses"][0].get("limitRemaining", 0), 0)

    def test_every_descriptor_has_its_status(self):
        node = self.ready()
        brought = {**entries(user="alice"), "limit": {"requestsPerUnit": 9, "unit": "YEAR"}}
        body = question(entries(nobody="x"), entries(free="x"), entries(trial="x"), brought)
        answer = None
        for _ in range(2):
            status, _, answer = self.ask(node, body)
            self.assertEqual(status, 200)
        nobody, free, trial, brought = answer["statuses"]
        self.assertEqual((nobody, free), ({"code": "OK"}, {"code": "OK", "limitRemaining": 4294967295}))
        self.assertEqual((trial["code"], trial["currentLimit"]["unit"]), ("OK", "WEEK"))
        self.assertEqual((brought["currentLimit"], brought["limitRemaining"]), ({"requestsPerUnit": 9, "unit": "YEAR"}, 7))
        self.assertEqual(answer["responseHeadersToAdd"], [{"key": "starling-learning", "value": "true"}])
        elsewhere = {**body, "domain": "elsewhere"}
        self.assertEqual(self.ask(node, elsewhere)[2]["statuses"], [{"code": "OK"}] * 4)

    def test_the_headers_for_the_client_are_those_of_the_node(self):
        node = self.ready(headers="x-ratelimit")
        answer = self.ask(node, question(entries(user="alice")))[2]
        added = {each["key"]: each["value"] for each in answer["responseHeadersToAdd"]}
        reset = added.pop("x-ratelimit-reset")
        self.assertEqual(added, {"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1"})
        self.assertEqual(answer["statuses"][0]["durationUntilReset"], reset + "s")

    def test_what_asks_nothing_is_refused_with_its_reason_and_counts_nothing(self):
        node = self.ready()
        good = question(entries(user="alice"))
        refused = (
            (b"", "found no body"),
            (b"{", "expected JSON, found none at line 1"),
            (b"[" * 60000, "the body: expected an object, found a list"),
            ({**good, "domain": ""}, "domain: expected the name of a domain"),
            (question(), "descriptors: expected at least one"),
            ({**good, "hits": 1}, 'expected no fields but domain, descriptors, hits_addend, found "hits"'),
            (b'{"domain":"edge","domain":"edge"}', "domain is there twice"),
            (question({**entries(user="alice"), "limit": {"requestsPerUnit": 1}}), "descriptors[0].limit.unit: expected SECOND"),
            (question(*[entries(user="alice")] * 65), "descriptors: expected at most 64"),
        )
        for body, reason in refused:
            with self.subTest(reason=reason):
                status, headers, answer = self.ask(node, body)
                self.assertEqual((status, headers["Content-Type"]), (400, "application/json"))
                self.assertIn(reason, answer["message"])
        self.assertEqual(self.ask(node, b" " * 65537)[0], 413)
        self.assertEqual(self.ask(node, good)[2]["statuses"][0]["limitRemaining"], 1)

    def test_paths_and_methods(self):
        node = self.ready()
        for path, method, status, allow in (("/json", "GET", 405, "POST"), ("/json", "PUT", 405, "POST"),
                                            ("/healthcheck", "POST", 405, "GET, HEAD"), ("/nothing", "GET", 404, None)):
            with self.subTest(path=path, method=method):
                answered, headers, answer = self.ask(node, None if method == "GET" else b"{}", method, path)
                self.assertEqual((answered, headers["Allow"]), (status, allow))
                self.assertIn("expected", answer["message"])

    def test_many_descriptors_of_many_clients_on_one_connection(self):
        node = self.ready()
        with node.session() as session:
            for client in range(50):
                body = json.dumps(question(*[entries(user=f"c{client}-{i}") for i in range(32)]))
                answer = session.request("/json", method="POST", body=body)
                self.assertEqual((answer.status, len(answer.json()["statuses"])), (200, 32))

    def test_more_limits_than_are_looked_at_are_counted_and_told(self):
        three = "limits: [{requests: 5, per: 1h}, {requests: 5, per: 1d}, {requests: 5, per: 1w}]"
        config = self.rules(f'domain: edge\nrules:\n  - name: three\n    match: {{user: "*"}}\n    {three}\n')
        node = self.node(1, config=config).wait_ready()
        for count, truncated in ((42, 0), (43, 1)):  # descriptors of three limits each: 126, 129
            status, _, answer = self.ask(node, question(*[entries(user=f"u{i}") for i in range(count)]))
            self.assertEqual((status, len(answer["statuses"])), (200, count))
            self.assertEqual(node.get("/v1/status").json()["decisions"]["truncated"], truncated)
        wait_until("a line in the log", lambda: "held to 128 limits only" in node.log())

    def test_the_health_check_is_ok_only_between_joining_and_leaving(self):
        # The only peer never answers, so the node waits for it until it is told not to.
        waiting = self.node(2, neighborhood_host=self.subnet.host(9), join_timeout="1h").wait_live()
        self.assertEqual(self.ask(waiting, None, "GET", "/healthcheck")[0], 500)
        node = self.ready()
        self.assertEqual(self.ask(node, None, "GET", "/healthcheck")[::2], (200, b"OK"))
        self.assertEqual(self.ask(node, None, "HEAD", "/healthcheck")[0], 200)
        # Half a request has come when the node is told to leave; it still gets an answer, and that is no longer OK.
        whole = b"GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection((node.address, HTTP_PORT), timeout=5 * patience()) as client:
            client.sendall(whole + whole[:30])
            first = b""
            while not first.endswith(b"OK"):
                first += client.recv(4096)
            node.signal(signal.SIGTERM)
            wait_until("n1 to be leaving", lambda: node.get("/readyz").status == 503)
            client.sendall(whole[30:])
            received = b""
            while chunk := client.recv(4096):
                received += chunk
        self.assertIn(b"HTTP/1.1 500 ", received)
        self.assertIn(b"not ready", received)
        self.assertEqual(node.wait_exit(), 0)


if __name__ == "__main__":
    main()
