"""A client of a proxy: one keep-alive connection that is never opened again behind the test's back."""

import http.client

from harness.waiting import patience
from harness.web import Answer

timeout_s = 10.0


class Client:
    """`source` is the client's own address."""

    def __init__(self, address, port, source=None):
        self._connection = http.client.HTTPConnection(address, port, timeout=timeout_s * patience(),
                                                      source_address=(source, 0) if source else None)
        self._connection.connect()
        self._connection.auto_open = 0  # from here on a lost connection is an error

    def get(self, target="/", key=None, **headers):
        return self.request("GET", target, key, **headers)

    def request(self, method, target="/", key=None, body=None, **headers):
        """Headers as keywords, with _ for -; `key` is the X-Api-Key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            named["X-Api-Key"] = key
        self._connection.request(method, target, body=body, headers=named)
        return Answer(self._connection.getresponse())

    def close(self):
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
