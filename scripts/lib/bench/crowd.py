"""Asks for very many callers, once each: many requests in a write, on one connection, as fast as they are answered."""

import re
import socket

pipelined = 500
answer_s_max = 60.0
_status = re.compile(rb"HTTP/1\.1 \d{3}")
_status_bytes = len("HTTP/1.1 200")
caller = "crowd-{:07d}".format   # as long for each, so that each takes the same memory


def ask(address, port, count, first=0, said=lambda done: None):
    """Of the check API of a node; how many were denied."""
    denied, rest = 0, b""
    with socket.create_connection((address, port), timeout=answer_s_max) as connection:
        for at in range(first, first + count, pipelined):
            numbers = range(at, min(at + pipelined, first + count))
            connection.sendall("".join(f"GET /v1/check?principal={caller(each)} HTTP/1.1\r\nHost: n\r\n\r\n" for each in numbers).encode())
            heads = 0
            while heads < len(numbers):
                answered, refused, rest = statuses(rest + _more(connection))
                heads += answered
                denied += refused
            said(at + len(numbers) - first)
    return denied


def statuses(read):
    """How many answers begin in `read`, how many of them deny, and its end, which may be the beginning of the next status line: what
    is read next belongs behind it."""
    found = _status.findall(read)
    return len(found), found.count(b"HTTP/1.1 429"), read[1 - _status_bytes:]


def ask_redis(address, port, words_of, count, said=lambda done: None):
    """`words_of(number)`: one command as bytes, whose answer is one integer."""
    with socket.create_connection((address, port), timeout=answer_s_max) as connection:
        for at in range(0, count, pipelined):
            numbers = range(at, min(at + pipelined, count))
            connection.sendall(b"".join(words_of(each) for each in numbers))
            answers = b""
            while answers.count(b"\r\n") < len(numbers):
                answers += _more(connection)
            if not all(answer.startswith(b":") for answer in answers.split(b"\r\n")[:-1]):
                raise ConnectionError(f"expected numbers of Redis, found {answers[:80]!r}")
            said(at + len(numbers))


def _more(connection):
    chunk = connection.recv(1 << 20)
    if not chunk:
        raise ConnectionError("expected answers, found that the server has hung up")
    return chunk
