#!/usr/bin/env python3
"""What a check is made with: the query, headers, the connection, the original request; and what a client cannot forge."""

import json
import socket

from harness import ADMIN_PORT, HTTP_PORT, ClusterCase, long_window, main, patience


class Attributes(ClusterCase):
    def node_with(self, attributes, trusted_hops=None, requests=1000, **match):
        """A node with one rule over `match`: by default everything that has a principal."""
        match = match or {"principal": "*"}
        rule = {"name": "each", "match": match, "limits": [{"requests": requests, "per": long_window()[0]}]}
        settings = {} if trusted_hops is None else {"trusted_hops": trusted_hops}
        return self.node(1, config=self.rules(json.dumps({"rules": [rule]})), attributes=attributes, **settings).wait_ready()

    def ask(self, node, target="/v1/check", method="GET", **headers):
        """A dash in a header's name is an underscore here; a list is several lines of that name."""
        lines = []
        for name, value in headers.items():
            for each in value if isinstance(value, list) else [value]:
                lines.append(f"{name.replace('_', '-')}: {each}\r\n")
        return self.exchange(node, f"{method} {target} HTTP/1.1\r\nHost: starling\r\nConnection: close\r\n{''.join(lines)}\r\n".encode())

    def exchange(self, node, data):
        """(status, head, body) of the one answer; the node closes."""
        with socket.create_connection((node.address, HTTP_PORT), timeout=5 * patience()) as stream:
            stream.sendall(data)
            answer = b""
            while piece := stream.recv(65536):
                answer += piece
        head, _, body = answer.decode().partition("\r\n\r\n")
        self.assertTrue(head.startswith("HTTP/1.1 "), answer)
        return int(head[9:12]), head, body

    def entries(self, node, target="/v1/check", method="GET", **headers):
        """What the node made of it."""
        status, _, body = self.ask(node, target + ("&" if "?" in target else "?") + "explain=1", method, **headers)
        self.assertIn(status, (200, 429), body)
        return json.loads(body)["entries"]

    def test_nothing_is_looked_at_unless_the_operator_says_so(self):
        node = self.node(1).wait_ready()
        self.assertEqual(node.setting("attributes"), ("none", "default"))
        self.assertEqual(node.setting("trusted-hops"), ("0", "default"))
        self.assertEqual(self.entries(node, "/v1/check?principal=alice", X_Api_Key="k", X_Forwarded_For="6.6.6.6",
                                      X_Forwarded_Uri="/login"), {"principal": "alice"})

    def test_headers_are_attributes_and_the_first_that_is_there_wins(self):
        node = self.node_with("principal=X-User|X-Api-Key|@client_ip,tier=X-Tier")
        self.assertEqual(self.entries(node, X_User="u", X_Api_Key="k", X_Tier="gold"), {"principal": "u", "tier": "gold"})
        self.assertEqual(self.entries(node, x_api_key="k"), {"principal": "k"})
        self.assertEqual(self.entries(node, X_User="", X_Api_Key="  k  "), {"principal": "k"})
        peer = self.entries(node)["principal"]
        self.assertTrue(peer.startswith("127."), peer)
        self.assertEqual(self.entries(node, "/v1/check?principal=alice", X_User="u"), {"principal": "alice"})
        self.assertEqual(self.entries(node, X_User="a\"\\ü=&%41"), {"principal": "a\"\\ü=&%41"})
        # They count like those of a query.
        for _ in range(3):
            self.assertEqual(self.ask(node, X_Api_Key="counted")[0], 200)
        self.assertEqual(node.total(principal="counted"), 3)

    def test_a_missing_attribute_makes_no_entry_and_no_shared_counter(self):
        node = self.node_with("principal=X-Api-Key", requests=1)
        for header in ({}, {"X_Api_Key": ""}, {"X_Api_Key": "   "}):
            for _ in range(3):
                self.assertEqual(self.ask(node, **header)[0], 200)
            self.assertEqual(self.entries(node, **header), {})
        self.assertEqual(self.ask(node, X_Api_Key="k")[0], 200)
        self.assertEqual(self.ask(node, X_Api_Key="k")[0], 429)

    def test_the_client_by_trusted_hops_whatever_is_added_on_the_left(self):
        node = self.node_with("client_ip", trusted_hops=2, requests=4, client_ip="*")
        true = "10.0.0.1, 10.0.0.2"
        self.assertEqual(self.entries(node, X_Forwarded_For=true), {"client_ip": "10.0.0.1"})
        spoofs = ["6.6.6.6, " + true, ["6.6.6.6", true], ["6.6.6.6, 7.7.7.7", "10.0.0.1:4711", "10.0.0.2"], "junk,, " + true,
                  ",".join(f"6.6.6.{number}" for number in range(200)) + "," + true, "::1," + true + ",", "[::1], " + true]
        statuses = [self.ask(node, X_Forwarded_For=spoof)[0] for spoof in spoofs]
        self.assertEqual(statuses, [200] * 3 + [429] * 4)
        self.assertEqual(node.total(client_ip="10.0.0.1"), 4)
        self.assertEqual(node.total(client_ip="6.6.6.6"), 0)

    def test_the_forms_of_an_address(self):
        node = self.node_with("client_ip", trusted_hops=1)
        for said, address in (("FD00:0::1", "fd00::1"), ("[fd00::1]", "fd00::1"), ("[fd00::1]:443", "fd00::1"),
                              ("::ffff:10.0.0.1", "10.0.0.1"), ("10.0.0.1:80", "10.0.0.1"), ("6.6.6.6 ,\t10.0.0.1 ", "10.0.0.1")):
            self.assertEqual(self.entries(node, X_Forwarded_For=said), {"client_ip": address}, said)
        peer = self.entries(node)["client_ip"]
        for junk in ("", "unknown", "10.0.0.1.2", "6.6.6.6, junk", "x" * 9000):
            self.assertEqual(self.entries(node, X_Forwarded_For=junk), {"client_ip": peer}, junk[:40])

    def test_without_trusted_hops_it_is_who_is_connected(self):
        node = self.node_with("client_ip")
        self.assertEqual(self.entries(node, X_Forwarded_For="6.6.6.6")["client_ip"], self.entries(node)["client_ip"])

    def test_ext_authz_below_check_path_and_query_are_the_clients(self):
        node = self.node_with("path,method,host,principal=X-Api-Key", requests=3, path="/login", method="POST", principal="*")
        attempts = ("/login?hits=0", "/login?principal=other&domain=none&deny_status=403&path=/x", "/%6Cogin?x", "//login",
                    "/a/../login?hits=x", "/login?explain=1")
        answers = [self.ask(node, "/v1/check" + target, "POST", X_Api_Key="k", X_Forwarded_Uri="/harmless", X_Original_Method="GET",
                            X_Forwarded_Host="other") for target in attempts]
        self.assertEqual([status for status, _, _ in answers], [200] * 3 + [429] * 3)
        self.assertEqual(json.loads(answers[-1][2]).keys(), {"message"})
        self.assertEqual(node.total(path="/login", method="POST", principal="k"), 3)
        # Another page, another method, another key: not this counter.
        self.assertEqual(self.ask(node, "/v1/check/login", "GET", X_Api_Key="k")[0], 200)
        self.assertEqual(self.ask(node, "/v1/check/", "POST", X_Api_Key="k")[0], 200)
        self.assertEqual(self.ask(node, "/v1/check//login", "POST", X_Api_Key="other")[0], 200)

    def test_the_original_request_by_headers(self):
        node = self.node_with("path,method,host,scheme")
        self.assertEqual(self.entries(node, X_Forwarded_Method="POST", X_Forwarded_Uri="/login?a=b", X_Forwarded_Host="Shop.example:8443",
                                      X_Forwarded_Proto="https"),
                         {"path": "/login", "method": "POST", "host": "shop.example", "scheme": "https"})
        self.assertEqual(self.entries(node, X_Original_URL="https://shop.example/a/%2e%2e/login?a=b", X_Original_Method="PUT"),
                         {"path": "/login", "method": "PUT", "host": "shop.example", "scheme": "https"})
        self.assertEqual(self.entries(node, X_Original_URI="/login/"), {"path": "/login/", "method": "GET", "host": "starling"})
        self.assertEqual(self.entries(node), {"method": "GET", "host": "starling"})

    def test_two_that_disagree_are_refused_and_count_nothing(self):
        node = self.node_with("principal=X-Api-Key,path", requests=1)
        self.assertEqual(self.ask(node, X_Api_Key=["a", "a"])[0], 200)
        for headers in ({"X_Api_Key": ["a", "b"]}, {"X_Api_Key": ["b", "a"]},
                        {"X_Api_Key": "b", "X_Forwarded_Uri": "/x", "X_Original_URI": "/login"}):
            for target, expected in (("/v1/check", 400), ("/v1/check?deny_status=403", 403)):
                status, _, body = self.ask(node, target, **headers)
                self.assertEqual(status, expected)
                self.assertIn("expected headers that agree, found X-", json.loads(body)["message"])
        self.assertEqual(node.total(principal="b"), 0)
        self.assertEqual(self.ask(node, X_Api_Key="b")[0], 200)

    def test_headers_that_can_be_read_in_two_ways_are_400_and_the_connection_ends(self):
        node = self.node_with("principal=X-Api-Key")
        head = b"POST /v1/check HTTP/1.1\r\nHost: x\r\n"
        for lines in (b"X-Api-Key: a\r\n b\r\n", b"X-Api-Key: a\rX-Api-Key: b\r\n", b"X-Api-Key: a\nX-Api-Key: b\r\n",
                      b"X-Api-Key : a\r\n", b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"X-Api-Key: a\0\r\n"):
            with self.subTest(lines=lines):
                status, sent, _ = self.exchange(node, head + lines + b"\r\n")
                self.assertEqual(status, 400)
                self.assertIn("\r\nConnection: close", sent)
        self.assertEqual(self.ask(node, X_Api_Key="a")[0], 200)

    def test_values_are_as_long_as_headers_may_be(self):
        node = self.node_with("principal=X-Api-Key", requests=2)
        key = "k" * 15000
        self.assertEqual([self.ask(node, X_Api_Key=key)[0] for _ in range(3)], [200, 200, 429])
        self.assertEqual(self.entries(node, X_Api_Key=key), {"principal": key})
        # One that differs in its last byte is another caller.
        self.assertEqual(self.ask(node, X_Api_Key=key[:-1] + "l")[0], 200)
        self.assertEqual(self.ask(node, X_Api_Key="k" * 17000)[0], 431)
        self.assertEqual(node.get("/v1/top").status, 200)

    def test_people_who_ask_by_hand_say_all_there_is(self):
        node = self.node_with("client_ip,path,principal=@host", trusted_hops=1)
        said = self.starling("check", "--server", f"http://{node.address}:{ADMIN_PORT}", "principal=alice", "-o", "json")
        self.assertEqual(json.loads(said.stdout)["entries"], {"principal": "alice"})

    def test_a_setting_that_makes_no_sense_is_told_at_the_start(self):
        for arguments, word in ((["--attributes", "X-Api-Key"], 'found "X-Api-Key"'),
                                (["--attributes", "client_ip=X-Forwarded-For"], "--trusted-hops"),
                                (["--attributes", "a=@ip"], "@ and client_ip, method, host, path or scheme"),
                                (["--attributes", "path,path"], "path twice"),
                                (["--attributes", "hits=X-Hits"], "hits"),
                                (["--trusted-hops", "33"], "from 0 to 32"),
                                (["--trusted-hops", "-1"], "from 0 to 32")):
            ended = self.starling("node", "--bind", self.subnet.host(1), *arguments)
            self.assertEqual(ended.returncode, 2, ended)
            self.assertIn(arguments[0] + ": expected ", ended.stderr)
            self.assertIn(word, ended.stderr)
            self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        ended = self.starling("node", "--bind", self.subnet.host(1), environment={"STARLING_ATTRIBUTES": "path=@url"})
        self.assertIn("STARLING_ATTRIBUTES: expected ", ended.stderr)

    def test_hops_that_nobody_asks_for_are_told(self):
        told = "--trusted-hops 1: expected client_ip or @client_ip in --attributes"
        for attributes, times in ((None, 1), ("path,who=X-Client-Ip", 1), ("who=X-Key|@client_ip", 0)):
            with self.subTest(attributes=attributes):
                node = self.node_with(attributes, trusted_hops=1) if attributes else self.node(1, trusted_hops=1).wait_ready()
                self.assertEqual(node.wait_log().count(told), times)
                node.kill()

    def test_the_settings_come_from_everywhere(self):
        file = self.rules("settings: {attributes: 'path, principal=X-User|X-Api-Key', trusted-hops: 1}\n")
        node = self.node(1, {"STARLING_TRUSTED_HOPS": "2"}, config=file).wait_ready()
        self.assertEqual(node.setting("attributes"), ("path, principal=X-User|X-Api-Key", "file"))
        self.assertEqual(node.setting("trusted-hops"), ("2", "environment"))
        self.assertEqual(self.entries(node, X_Api_Key="k", X_Original_URI="/a"), {"path": "/a", "principal": "k"})


if __name__ == "__main__":
    main()
