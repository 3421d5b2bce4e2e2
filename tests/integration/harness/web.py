"""HTTP to a node: one-shot requests and keep-alive sessions."""

import http.client
import json
from urllib.parse import urlencode

from .waiting import patience

timeout_s = 5.0


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Session:
    """One keep-alive connection."""

    def __init__(self, address, port):
        self._connection = http.client.HTTPConnection(address, port, timeout=timeout_s * patience())

    def connect(self):
        """Connects now, and never again: from here on all answers come from one process."""
        self._connection.connect()
        self._connection.auto_open = 0

    def request(self, target, method="GET", body=None, headers=None):
        self._connection.request(method, target, body=body, headers=headers or {})
        return Answer(self._connection.getresponse())

    def check(self, **entries):
        return self.request("/v1/check?" + urlencode(entries))

    def close(self):
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(address, port, target, method="GET", body=None, headers=None):
    with Session(address, port) as session:
        return session.request(target, method, body, headers)
