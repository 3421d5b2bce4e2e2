"""What the proxies protect: answers every request with what it got, so that a test sees what came through."""

import http.server
import json
import socket
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self):
        body = self._body()
        with self.server.lock:
            self.server.requests_count += 1
        told = json.dumps({"method": self.command, "target": self.path, "headers": dict(self.headers),
                           "body_bytes": len(body)}).encode()
        self.send_response(int(self.headers.get("X-Want-Status", "200")))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A proxy that drops a connection is no news."""

    request_queue_size = socket.SOMAXCONN


class Backend:
    def __init__(self, address, port):
        self._server = _Server((address, port), _Handler)
        self._server.lock = threading.Lock()
        self._server.requests_count = 0
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def requests_count(self):
        with self._server.lock:
            return self._server.requests_count

    def close(self):
        self._server.shutdown()
        self._server.server_close()
