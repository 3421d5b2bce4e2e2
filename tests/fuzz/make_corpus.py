#!/usr/bin/env python3
"""Writes the inputs that fuzzing begins with where they are easier said than collected: steps for `engine`,
answers for `dns`, packets for `delta` and `heartbeat` (of those in corpus/datagram).

    tests/fuzz/make_corpus.py        # into tests/fuzz/corpus; what is there under another name stays
"""

import pathlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
HEADER_BYTES = 16
KIND_AT = 5
# By the place of a kind in the lists of delta.cpp and heartbeat.cpp.
SYNC_KINDS = {1: 0, 2: 1, 6: 2, 7: 3, 8: 4, 9: 5}
HEARTBEAT_KINDS = {3: 0, 4: 1, 5: 2}

# Steps of engine.cpp; the engine stands in the upper three bits.
SLEEP, RUN, RUN_SECONDS, DELIVER, LOSE, DOUBLED, RESOLVE = 0, 1, 3, 4, 5, 6, 7
SET_LIVE, CLEAR_LIVE, RULES, LEAVE, FINISH_LEAVE, RESTART, CLOCK, LOOK, RAW = 8, 9, 10, 11, 12, 13, 14, 15, 16
INTRODUCE, FORGE, DAMAGED, KEYS, DECIDE = 17, 19, 25, 26, 27
EVERYBODY = 0x80 | 0x07
MEET = bytes([RESOLVE, EVERYBODY, RUN, 250, RUN, 250])


def step(what, *rest, engine=0):
    return bytes([engine << 5 | what, *rest])


def decide(engine=0, caller=0, path=True, times=1):
    return step(DECIDE, caller | (4 if path else 0), engine=engine) * times


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def packets():
    for path in sorted((CORPUS / "datagram").iterdir()):
        packet = path.read_bytes()[1:]
        if len(packet) < HEADER_BYTES:
            continue
        kind = packet[KIND_AT]
        target, kinds = ("delta", SYNC_KINDS) if kind in SYNC_KINDS else ("heartbeat", HEARTBEAT_KINDS)
        if kind not in kinds:
            continue
        write(target, f"packet-{path.name}", b"\0" + packet)
        write(target, f"body-{path.name}", bytes([1, kinds[kind]]) + packet[HEADER_BYTES:])
        write(target, f"sealed-body-{path.name}", bytes([5, kinds[kind]]) + packet[HEADER_BYTES:])
    for target, kinds_count in (("delta", 6), ("heartbeat", 3)):
        for kind in range(kinds_count):
            choices = bytes((i * 37 + kind * 11) % 199 for i in range(120))
            write(target, f"made-{kind}", bytes([2, kind]) + choices)
            write(target, f"damaged-{kind}", bytes([3, kind]) + choices)
            write(target, f"sealed-{kind}", bytes([6, kind]) + choices)
            write(target, f"sealed-damaged-{kind}", bytes([7, kind]) + choices)
            write(target, f"sealed-by-another-{kind}", bytes([14, kind]) + choices)


def programs():
    write("engine", "meet-and-count", MEET + b"".join(decide(e, c, times=4) for e in range(3) for c in range(3))
          + step(RUN, 200) + step(LOOK, 0) + step(LOOK, 3, engine=1))
    write("engine", "limits", MEET + decide(0, 1, times=8) + step(RUN, 30) + decide(1, 1, times=8))
    write("engine", "lost-and-doubled", MEET + (decide(0, 0, times=3) + step(LOSE, 3) + step(DOUBLED)
          + step(DELIVER, 9)) * 4 + step(RUN_SECONDS, 2))
    write("engine", "overrides", MEET + step(SET_LIVE, 2, 0, 0, 4, 0) + step(RUN, 100)
          + step(SET_LIVE, 8, 1, 0, 1, 5, engine=1) + decide(2, 0, times=4) + step(CLEAR_LIVE, 2, 0, 0, 4, 0)
          + step(RUN, 250) + step(SLEEP, 5))
    # A form, a kind, a rule, a match, limits, a stamp, an expiry, as make_override reads them.
    limits, unlimited = (0, 0, 0, 0, 2, 1, 0, 0, 1, 0), (6, 0, 0, 0, 0, 1, 0)
    of_alice = (1, 0, 0, 0, 1, 0, 1, 0, 7, 1, 0, 0, 1, 1, 30)
    write("engine", "live-limits", MEET + step(SET_LIVE, *limits) + decide(0, 0, times=4) + step(RUN, 50)
          + decide(1, 0, times=4) + step(SET_LIVE, *of_alice, engine=1) + step(RUN, 50) + decide(2, 0, times=9)
          + step(SET_LIVE, *unlimited) + decide(0, 1, times=5) + step(CLEAR_LIVE, *limits) + step(RUN, 250)
          + step(SLEEP, 5) + decide(1, 0, times=3))
    write("engine", "little-egress", MEET + b"".join(step(DECIDE, 64 + 4, 2, 97 + n, 98, engine=2) for n in range(20))
          + step(RUN, 250) * 3 + step(RUN_SECONDS, 2) + step(LOOK, 8, engine=1) + step(RUN, 250))
    write("engine", "rules", MEET + b"".join(step(RULES, n) + decide(0, n, times=5) for n in (1, 2, 0)))
    write("engine", "leave", MEET + decide(0, 0, times=3) + step(LEAVE) + step(FINISH_LEAVE, 50)
          + step(RUN, 200) + step(RUN_SECONDS, 2))
    write("engine", "restart", MEET + decide(0, 2, times=3) + step(RESTART, 0) + step(RESOLVE, EVERYBODY)
          + step(RUN, 250) * 3)
    write("engine", "clocks", MEET + b"".join(step(CLOCK, n, engine=n % 3) + step(RUN, 90) + decide(n % 3, 0)
          for n in range(6)) + step(SLEEP, 6) + step(SLEEP, 7))
    write("engine", "stranger", MEET + step(INTRODUCE, 0x40, 1, 1, 1, 1) + step(RUN, 50)
          + b"".join(step(FORGE, 3, kind, *range(60)) for kind in range(9)))
    write("engine", "forged-by-peers", MEET + b"".join(
        step(FORGE, who, kind, *((7 * i + kind) % 180 for i in range(40))) for who in (1, 2) for kind in range(9)))
    write("engine", "damaged", MEET + b"".join(
        step(DAMAGED, 1, kind, *((11 * i + kind) % 180 for i in range(40)), 30, 1, 0) for kind in range(9)))
    write("engine", "full", MEET + b"".join(step(DECIDE, 64 + 4, 2, 97 + n, 98) for n in range(26))
          + step(RUN, 250) + step(SLEEP, 5) + step(RUN, 250))
    write("engine", "raw", MEET + step(RAW, 4, 20, *range(20), 1) + step(RAW, 0, 0, 0))


def sealed_programs():
    rotation = b"".join(step(KEYS, which, engine=e) + step(RUN, 40) + decide(e, 0)
                        for which in (6, 5, 1, 2, 3, 4) for e in range(3))
    write("engine", "keys-rotate", MEET + rotation + step(RUN, 250))
    sealed = step(KEYS, 0x80 + 3) + MEET  # 131 % 7 == 5: the first key, plain ones accepted
    refused = step(KEYS, 0x80 + 6) + MEET  # 134 % 7 == 1: the first key alone
    write("engine", "sealed", refused + decide(0, 0, times=3) + step(RUN, 50) + step(RESTART, 0) + MEET)
    write("engine", "sealed-doubled", refused + (decide(0, 0) + step(DOUBLED) * 3 + step(DELIVER, 15)) * 4)
    write("engine", "sealed-and-plain", sealed + step(KEYS, 0, engine=2) + step(RUN, 250) + decide(2, 0) * 3)
    write("engine", "sealed-stranger", refused + step(INTRODUCE, 0x40, 1, 1, 1, 1) + step(RUN, 50)
          + b"".join(step(FORGE, 128 + 3, kind, 5, *range(60)) for kind in range(9)))
    write("engine", "sealed-damaged", refused + b"".join(
        step(DAMAGED, 128 + 1, kind, 5, *((11 * i + kind) % 180 for i in range(40)), 30, 1, 0) for kind in range(9)))


def answers():
    none, sound = 0, 0x20
    one = bytes([1, 0])  # one group, of one record

    def answer(form=sound, groups=b"\1\0", rest=b"\0\0"):
        return bytes([0, form]) + groups + rest

    write("dns", "silent", bytes([2]) + bytes([0, none]))
    write("dns", "sound", bytes([0]) + answer(groups=one + b"\12\1\1\7") * 4)
    write("dns", "raw", bytes([2]) + bytes([0, 9, 40]) + bytes(range(40)))
    write("dns", "points-to-itself", bytes([2]) + answer(groups=b"\1\1\12\0\0\1") * 3)
    write("dns", "alias-loop", bytes([2]) + answer(groups=b"\1\x14") * 3)
    write("dns", "alias-chain", bytes([2]) + answer(groups=b"\2\xc4\x2f\0") * 3)
    write("dns", "thousands", bytes([8]) + answer(groups=b"\2\xc0\x2f\xc0\x2f") * 3)
    truncated = bytes([0, 0x21, 0, 0])
    write("dns", "thousands-by-tcp", bytes([0]) + (truncated + bytes([0, sound]) + b"\2\xc0\x2f\xc0\x2f\0") * 3)
    write("dns", "truncated-then-pieces", bytes([0])
          + (truncated + bytes([2, sound]) + one + b"\12\1\1\7\0\3") * 3)
    write("dns", "truncated-then-wrong-length", bytes([2])
          + (truncated + bytes([1, sound]) + one + b"\12\1\1\7\0\xff\xff") * 3)
    write("dns", "wrong-id", bytes([2]) + (bytes([0, 0x24, 1, 0x55]) + one + b"\0") * 3)
    write("dns", "wrong-name", bytes([2]) + (bytes([0, 0x28, 1, 1]) + one + b"\0") * 3)
    write("dns", "servfail", bytes([0]) + (bytes([0, 0x22, 0x82]) + b"\0\0") * 3)
    write("dns", "formerr", bytes([0]) + (bytes([0, 0x22, 0x81]) + b"\0\0") * 3)
    write("dns", "nxdomain", bytes([0]) + (bytes([0, 0x22, 0x83]) + b"\0\0") * 3)
    write("dns", "counts-more-than-there-is", bytes([2]) + (bytes([0, sound]) + one + b"\12\1\1\7\1\xff\xff") * 3)
    write("dns", "given-up", bytes([8]) + bytes([0, none]))
    write("dns", "two-names", bytes([1]) + answer(groups=one + b"\12\1\1\7") * 8)


if __name__ == "__main__":
    packets()
    programs()
    sealed_programs()
    answers()
