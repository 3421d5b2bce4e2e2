"""A gRPC client of a few lines, so that the suite needs no library: one connection, one call at a time. It understands
messages and the ends of streams, and leaves headers unread. Real clients are in tests/interop."""

import socket
import struct

from .waiting import patience

GRPC_PORT = 8081
RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4


def field(number, value):
    """A length-delimited protobuf field."""
    value = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(value)]) + value


def rate_limit_request(domain, **entries):
    """One descriptor with these entries."""
    pairs = b"".join(field(1, field(1, key) + field(2, value)) for key, value in entries.items())
    return field(1, domain) + field(2, pairs)


class GrpcClient:
    def __init__(self, address, port=GRPC_PORT):
        self._socket = socket.create_connection((address, port), timeout=20 * patience())
        self._received = b""
        self._last_id = -1
        self.goaways = []  # the last stream of each
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self._frame(SETTINGS, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def begin(self, path, message):
        """Sends a call; returns its stream's number."""
        self._last_id += 2
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test",
                   "content-type": "application/grpc", "te": "trailers"}
        block = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
                         for name, value in headers.items())
        body = b"\0" + struct.pack(">I", len(message)) + message
        self._socket.sendall(self._frame(HEADERS, END_HEADERS, self._last_id, block) +
                             self._frame(DATA, END_STREAM, self._last_id, body))
        return self._last_id

    def call(self, path, message):
        """The reply's message, or None if the call was refused."""
        stream, reply = self.begin(path, message), None
        for kind, payload in self.events(stream):
            if kind == "message":
                reply = payload
        return reply

    def events(self, stream):
        """("message", bytes) for each; ends with the stream."""
        while True:
            kind, flags, number, payload = self._next_frame()
            if kind == PING and not flags & ACK:
                self._socket.sendall(self._frame(PING, ACK, 0, payload))
            elif kind == GOAWAY:
                self.goaways.append(struct.unpack(">I", payload[:4])[0])
            if kind == DATA and payload:  # else the server may send no more once it has sent 65,535 bytes
                self._socket.sendall(self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))
            if number == stream and kind == DATA and payload:
                yield "message", payload[5:]
            if number == stream and (kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM)):
                return

    def wait_closed(self):
        """Until the server has closed the connection."""
        try:
            while True:
                kind, flags, _, payload = self._next_frame()
                if kind == PING and not flags & ACK:
                    self._socket.sendall(self._frame(PING, ACK, 0, payload))
                elif kind == GOAWAY:
                    self.goaways.append(struct.unpack(">I", payload[:4])[0])
        except ConnectionError:
            return

    @staticmethod
    def _frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def _next_frame(self):
        head = self._take(9)
        return head[3], head[4], struct.unpack(">I", head[5:])[0], self._take(int.from_bytes(head[:3], "big"))

    def _take(self, count):
        while len(self._received) < count:
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError("the server has closed the connection")
            self._received += more
        taken, self._received = self._received[:count], self._received[count:]
        return taken
