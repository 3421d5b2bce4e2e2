"""What `scripts/bench frontends` measures, and in which order.

In each round everything is measured once, a node and its bare counterpart right after each other, every other round
in reverse, so that a machine that slows down does so for both. The first pass, not counted, warms up and finds the
rates of which the latency rounds take half.
"""

import os
import shutil

from bench.processes import Load, Server, h2load, redis_benchmark, redis_command, resp

node = ("127.88.0.1", 8080)
node_grpc = ("127.88.0.1", 8081)
bare = {"http": ("127.88.0.2", 8080), "http-denied": ("127.88.0.3", 8080), "grpc": ("127.88.0.4", 8081),
        "grpc-denied": ("127.88.0.5", 8081)}
redis = ("127.88.0.6", 6379)
grpcpp = ("127.88.0.7", 8081)
nginx = ("127.88.0.8", 8080)

grpc_path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
http_path = "/v1/check?principal="
# Callers are numbered by the generator, which looks for the zeros. Who is denied has used up a day's only request.
allowed_caller, denied_caller = "caller-0000", "denied-0000"
rules = f"""domain: bench
rules:
  - name: per-principal
    match: {{principal: "*"}}
    limits: [{{requests: 100000000, per: 1m}}]
    overrides:
      - match: {{principal: "{denied_caller.split('-', 1)[0]}-*"}}
        limits: [{{requests: 1, per: 1d}}]
"""
# What a gateway does by itself, for itself alone. `return` would be done before anything is limited (nginx does it in
# an earlier phase), so that the constant is the picture that the binary has in it. No limit is reached.
nginx_config = f"""daemon off;
master_process off;
pid {{folder}}/nginx.pid;
error_log stderr crit;
events {{{{ worker_connections 8192; }}}}
http {{{{
  access_log off;
  keepalive_requests 1000000000;
  limit_req_zone $arg_principal zone=callers:16m rate=1000000r/s;
  client_body_temp_path {{folder}}/nginx-body;
  server {{{{
    listen {nginx[0]}:{nginx[1]};
    location / {{{{ limit_req zone=callers burst=100000 nodelay; empty_gif; }}}}
  }}}}
}}}}
"""
# The usual fixed window: count, and let the first one start the clock.
redis_limiter = ("local count = redis.call('INCR', KEYS[1]) "
                 "if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return count")


def http_request(caller):
    return f"GET {http_path}{caller} HTTP/1.1\r\nHost: {node[0]}:{node[1]}\r\n\r\n".encode()


def rate_limit_request(caller):
    """envoy.service.ratelimit.v3.RateLimitRequest: domain = 1, descriptors = 2 {entries = 1 {key = 1, value = 2}}."""
    def field(number, payload):
        assert len(payload) < 128
        return bytes([number << 3 | 2, len(payload)]) + payload
    entry = field(1, b"principal") + field(2, caller.encode())
    return field(1, b"bench") + field(2, field(1, entry))


class Subject:
    """One server under one kind of load; `run` measures it once."""

    def __init__(self, name, server, client):
        self.name = name
        self._server = server
        self._client = client

    def run(self, **arguments):
        before = self._server.cpu_s()
        result = self._client(**arguments)
        cpu_s = self._server.cpu_s() - before
        result["cpu_us"] = cpu_s * 1e6 / max(result["requests"], 1)
        result["busy"] = cpu_s * result["rate"] / max(result["requests"], 1)
        return result


class Bench:
    def __init__(self, options, folder):
        self._options = options
        self._folder = folder
        self._servers = []
        self._load = Load(options.build_dir / "tests/load/starling-load", options.client_core, options.connections)
        self._fronts = [options.only] if options.only else ["http", "grpc"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.stop()

    def _start(self, name, command, listens):
        self._servers.append(Server(command, self._options.server_core, listens, self._folder / f"{name}.log"))
        return self._servers[-1]

    def _file(self, name, content):
        path = self._folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def _loaded(self, name, server, listens, front, request):
        def client(seconds=self._options.seconds, rate=0, answer=None):
            return self._load(front, listens, request, seconds, self._options.callers, rate, grpc_path, answer)
        return Subject(name, server, client)

    def start(self):
        """All servers, and the subjects in pairs: a node's, and its bare counterpart."""
        options = self._options
        starling = self._start("node", [options.build_dir / "src/app/starling", "node", "--bind", node[0], "--config",
                                        self._file("rules.yaml", rules), "--log-level", "warn"], node)
        pairs = []
        for front in self._fronts:
            for suffix, caller in (("", allowed_caller), ("-denied", denied_caller)):
                name = front + suffix
                encode = http_request if front == "http" else rate_limit_request
                request = self._file(f"{name}.request", encode(caller))
                subject = self._loaded(name, starling, node if front == "http" else node_grpc, front, request)
                answer = self._folder / f"{name}.answer"
                subject.run(seconds=0.3, answer=answer)  # warm: who is to be denied has been allowed once
                bare_server = self._start(f"bare-{name}", [options.build_dir / f"tests/bench/bare_{front}", bare[name][0],
                                                           bare[name][1], answer], bare[name])
                pairs.append((subject, self._loaded(f"bare-{name}", bare_server, bare[name], front, request)))
        return pairs + self._with_h2load(starling) + self._start_rivals() + [self._start_redis()]

    def _start_rivals(self):
        """Those that are installed: gRPC's C++ library answering a constant, and nginx limiting by itself."""
        subjects = []
        program = self._options.build_dir / "tests/bench/bare_grpcpp"
        if "grpc" in self._fronts and os.access(program, os.X_OK):
            server = self._start("grpcpp", [program, *grpcpp, self._folder / "grpc.answer"], grpcpp)
            subjects.append(self._loaded("grpcpp", server, grpcpp, "grpc", self._folder / "grpc.request"))
        if "http" in self._fronts and shutil.which("nginx"):
            config = self._file("nginx.conf", nginx_config.format(folder=self._folder))
            server = self._start("nginx", ["nginx", "-p", self._folder, "-c", config], nginx)
            subjects.append(self._loaded("nginx", server, nginx, "http", self._folder / "http.request"))
        return [tuple(subjects)] if subjects else []

    def _with_h2load(self, starling):
        options = self._options
        pairs = []
        for front in self._fronts:
            def client(listens, front=front):
                body = self._file("h2load.body", b"\0" + len(message).to_bytes(4, "big") + message) if front == "grpc" else None
                path = grpc_path if front == "grpc" else http_path + allowed_caller
                return h2load(options.client_core, options.connections, listens, options.seconds, path, body)
            message = rate_limit_request(allowed_caller)
            of_node = node if front == "http" else node_grpc
            bare_server = next(server for server in self._servers if server.listens == bare[front])
            pairs.append((Subject(f"{front}-h2load", starling, lambda client=client, at=of_node: client(at)),
                          Subject(f"bare-{front}-h2load", bare_server, lambda client=client, at=bare[front]: client(at))))
        return pairs

    def _start_redis(self):
        options = self._options
        server = self._start("redis", ["redis-server", "--bind", redis[0], "--port", redis[1], "--save", "", "--appendonly", "no",
                                       "--dir", self._folder], redis)
        digest = redis_command(redis, "SCRIPT", "LOAD", redis_limiter).split(b"\r\n")[1].decode()
        request = self._file("redis.request", resp("EVALSHA", digest, "1", allowed_caller, "60"))
        requests_count = 5_000  # until its rate is known

        def client():
            nonlocal requests_count
            result = redis_benchmark(options.client_core, options.connections, redis, requests_count, options.callers,
                                     ["EVALSHA", digest, "1", "caller-__rand_int__", "60"])
            requests_count = max(int(result["rate"] * options.seconds), 1000)  # it takes a number, not a time
            return result
        return Subject("redis-benchmark", server, client), self._loaded("redis", server, redis, "redis", request)


def measure(options, folder, progress):
    """{name: [result of each round]}; those of latency are called NAME@half, with the rate that was asked for."""
    with Bench(options, folder) as bench:
        pairs = bench.start()
        rates = {}
        for subject in (subject for pair in pairs for subject in pair):
            progress(f"warming up: {subject.name}")
            rates[subject.name] = subject.run()["rate"]
        results = {}
        for number in range(options.rounds):
            order = [subject for pair in pairs for subject in pair]
            for subject in reversed(order) if number % 2 else order:
                progress(f"round {number + 1} of {options.rounds}: {subject.name}")
                results.setdefault(subject.name, []).append(subject.run())
            timed = [(subject, rates[front] / 2) for pair in pairs for subject in pair
                     for front in ("http", "grpc") if subject.name in (front, f"bare-{front}")]
            timed += [(subject, rates["redis"] / 2) for subject in order if subject.name == "redis"]
            for subject, rate in reversed(timed) if number % 2 else timed:
                progress(f"round {number + 1} of {options.rounds}: {subject.name}, latency")
                results.setdefault(f"{subject.name}@half", []).append(subject.run(rate=round(rate)) | {"offered": round(rate)})
        return results
