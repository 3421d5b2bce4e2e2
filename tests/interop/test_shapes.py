#!/usr/bin/env python3
"""Gateways that cannot be had here: the requests that they send, byte by byte as their documentation and sources have it, and
what they need of the answers. This is no test of those gateways, and scripts/gateways says so in each of their files."""

import http.client
import socket
import xml.etree.ElementTree

from gateways import GatewayCase, gateways, main
from harness import HTTP_PORT, patience

client = "203.0.113.7"

traefik = ("GET /v1/check HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: curl/8.5.0", "Accept: */*", "X-Api-Key: {key}",
           f"X-Forwarded-For: {client}", "X-Forwarded-Host: shop.example", "X-Forwarded-Method: POST", "X-Forwarded-Port: 80",
           "X-Forwarded-Proto: http", "X-Forwarded-Server: traefik-0", "X-Forwarded-Uri: /buy/1?hits=0&principal=bob",
           f"X-Real-Ip: {client}", "Accept-Encoding: gzip")
ingress_nginx = ("GET /v1/check?deny_status=403 HTTP/1.1", "Host: starling.default.svc.cluster.local", "X-Request-ID: 1f",
                 "X-Original-URL: http://shop.example/buy/1?hits=0&principal=bob", "X-Original-Method: POST",
                 "X-Sent-From: nginx-ingress-controller", f"X-Real-IP: {client}", f"X-Forwarded-For: {client}",
                 "X-Auth-Request-Redirect: /buy/1?hits=0&principal=bob", "X-Forwarded-Host: shop.example", "X-Api-Key: {key}",
                 "Cookie: a=b")
apisix = ("GET /v1/check HTTP/1.1", "Host: 127.0.0.1:8080", "User-Agent: lua-resty-http/0.17.1 (Lua) ngx_lua/10026",
          "X-Forwarded-Proto: http", "X-Forwarded-Method: POST", "X-Forwarded-Host: shop.example",
          "X-Forwarded-Uri: /buy/1?hits=0&principal=bob", f"X-Forwarded-For: {client}", "X-Api-Key: {key}")
azure_apim = ("GET /v1/check?principal={key}&path=%2Fbuy%2F1&method=POST&host=shop.example HTTP/1.1", "Host: 127.0.0.1:8080",
              "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, address):
        self._socket = socket.create_connection((address, HTTP_PORT), timeout=10 * patience())

    def ask(self, lines):
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        response = http.client.HTTPResponse(self._socket, method=lines[0].split()[0])
        response.begin()
        return response, response.read()

    def close(self):
        self._socket.close()


class Shapes(GatewayCase):
    def node_for(self, requests):
        rule = self.rules('rules:\n  - name: each\n    match: {principal: "*", path: "*", method: "*", host: "*"}\n'
                          f"    limits: [{{requests: {requests}, per: 366d}}]\n")
        return self.node(1, config=rule, attributes="principal=X-Api-Key|@client_ip,path=@path,method=@method,host=@host",
                         trusted_hops="1", max_counters="10000").wait_ready()

    def ask(self, wire, shape, key):
        return wire.ask([line.format(key=key) for line in shape if key or "{key}" not in line])

    def test_allow_is_200_and_a_denial_is_all_that_the_gateway_hands_on(self):
        node = self.node_for(2)
        wire = Wire(node.address)
        self.addCleanup(wire.close)
        for name, shape, deny_status in (("traefik", traefik, 429), ("ingress-nginx", ingress_nginx, 403),
                                         ("apisix", apisix, 429), ("azure-apim", azure_apim, 429)):
            with self.subTest(gateway=name):
                for _ in range(2):
                    answer, _ = self.ask(wire, shape, name)
                    self.assertEqual((answer.status, answer.headers["X-RateLimit-Limit"]), (200, "2"))
                answer, body = self.ask(wire, shape, name)
                self.assertEqual(answer.status, deny_status)
                self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
                self.assertEqual(answer.headers["Content-Length"], str(len(body)))
                self.assertIn(b'"message"', body)
                self.assertEqual(answer.headers["Content-Type"], "application/json")
                self.assertIsNone(answer.headers["Connection"])
                self.assertEqual(node.total(principal=name, path="/buy/1", method="POST", host="shop.example"), 2)

    def test_without_a_key_the_address_that_the_gateway_saw_counts(self):
        node = self.node_for(5)
        wire = Wire(node.address)
        self.addCleanup(wire.close)
        counted = 0
        for name, shape in (("traefik", traefik), ("ingress-nginx", ingress_nginx), ("apisix", apisix)):
            with self.subTest(gateway=name):
                answer, _ = self.ask(wire, shape, None)
                self.assertEqual(answer.status, 200)
                counted += 1
                self.assertEqual(node.total(principal=client, path="/buy/1", method="POST", host="shop.example"), counted)

    def test_addresses_that_a_client_claims_are_further_left_than_the_gateways(self):
        """A gateway that adds to X-Forwarded-For instead of replacing it: only the value from the right that it wrote counts."""
        node = self.node_for(5)
        wire = Wire(node.address)
        self.addCleanup(wire.close)
        for shape in (["X-Forwarded-For: 9.9.9.9, 8.8.8.8, " + client], ["X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: " + client]):
            answer, _ = wire.ask(["GET /v1/check HTTP/1.1", "Host: a", "X-Forwarded-Uri: /buy/1", *shape])
            self.assertEqual(answer.status, 200)
        self.assertEqual(node.total(principal=client, path="/buy/1", method="GET", host="a"), 2)

    def test_the_policy_for_azure_is_well_formed(self):
        policy = xml.etree.ElementTree.parse(gateways / "azure-apim/policy.xml").getroot()
        self.assertEqual([part.tag for part in policy], ["inbound", "backend", "outbound", "on-error"])


if __name__ == "__main__":
    main()
