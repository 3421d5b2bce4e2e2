"""Waiting on a condition, with a deadline."""

import http.client
import os
import time

default_deadline_s = 20.0
poll_interval_s = 0.01


class Timeout(AssertionError):
    """The deadline has passed."""


def patience():
    """A factor on every deadline."""
    return float(os.environ.get("STARLING_TEST_PATIENCE", "1"))


def wait_until(what, condition, deadline_s=default_deadline_s):
    """Calls `condition` until it returns something true, and returns that.

    A node that does not answer yet (OSError, half an HTTP answer) means "not yet"; every other error passes through.
    `what` finishes the sentence "expected ..." for the person who reads the failure.
    """
    ends = time.monotonic() + deadline_s * patience()
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException) as problem:
            last = problem
        if time.monotonic() > ends:
            raise Timeout(f"expected {what} within {deadline_s * patience():g} s; last seen: {last!r}")
        time.sleep(poll_interval_s)


def wait_equal(what, read, expected, deadline_s=default_deadline_s):
    """Calls `read` until it returns `expected`; a failure shows what it returned last."""
    last = [None]

    def compare():
        last[0] = read()
        return last[0] == expected

    try:
        wait_until(f"{what} to be {expected!r}", compare, deadline_s)
    except Timeout as problem:
        raise Timeout(f"{problem}; it was {last[0]!r}") from None
