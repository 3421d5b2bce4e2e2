#!/usr/bin/env python3
"""Seals recorded plain packets without a line of Starling's code, as protocol/README.md says.

seal_vectors.py PLAIN_DIR... SEALED_DIR writes SEALED_DIR/NAME.hex for each packet in `packets`; with --check it writes
nothing and fails if a file says otherwise. Everything but BLAKE2b (hashlib) is written out below and is held to the
examples of its specification first.
"""

import hashlib
import pathlib
import struct
import sys

cluster = b"starling"
key = bytes(range(32))
sender = 0x1122334455667788

# Each port's counter goes on from packet to packet, as a node's does.
packets = ["delta_mixed", "pull", "heartbeat_small", "inquiry", "witness", "overrides", "overrides_query", "names_query",
           "names"]
heartbeat_kinds = (3, 4, 5)
# (name, plain packet, counter): read, but never written by a node that counts from 1.
late_packets = [("pull_late", "pull", 2**64 - 1)]

mask32, mask64 = 2**32 - 1, 2**64 - 1


def siphash24(siphash_key, message):
    def rotl(value, bits):
        return (value << bits | value >> (64 - bits)) & mask64

    k0, k1 = struct.unpack("<QQ", siphash_key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask64
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & mask64
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask64
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask64
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def chacha20_block(chacha_key, counter, nonce):
    def rotl(value, bits):
        return (value << bits | value >> (32 - bits)) & mask32

    start = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, *struct.unpack("<8I", chacha_key), counter,
             *struct.unpack("<3I", nonce)]
    s = list(start)

    def quarter(a, b, c, d):
        for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[first] = (s[first] + s[second]) & mask32
            s[third] = rotl(s[third] ^ s[first], bits)

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<16I", *((a + b) & mask32 for a, b in zip(s, start)))


def poly1305(one_time_key, message):
    r = int.from_bytes(one_time_key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(one_time_key[16:32], "little")) & (2**128 - 1)).to_bytes(16, "little")


def chacha20_poly1305(aead_key, nonce, plain, associated):
    stream = b"".join(chacha20_block(aead_key, 1 + block, nonce) for block in range(len(plain) // 64 + 1))
    sealed = bytes(a ^ b for a, b in zip(plain, stream))

    def padded(text):
        return text + bytes(-len(text) % 16)

    authenticated = padded(associated) + padded(sealed) + struct.pack("<QQ", len(associated), len(sealed))
    return sealed + poly1305(chacha20_block(aead_key, 0, nonce)[:32], authenticated)


def check_primitives():
    # SipHash's reference implementation, vectors_sip64[15].
    assert siphash24(bytes(range(16)), bytes(range(15))).hex() == "e545be4961ca29a1"
    # RFC 8439, section 2.8.2.
    text = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
            b"would be it.")
    sealed = chacha20_poly1305(bytes(range(0x80, 0xa0)), bytes.fromhex("070000004041424344454647"), text,
                               bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert sealed.hex().startswith("d31a8d34648e60db7b86afbc53ef7ec2")
    assert sealed.hex().endswith("1ae10b594f09e26a7e902ecbd0600691")


def seal(plain, counter):
    kind, body = plain[5], plain[16:]
    port = 1 if kind in heartbeat_kinds else 0
    subkey = hashlib.blake2b(b"starling seal v1" + struct.pack("<Q", sender) + cluster, key=key, digest_size=32).digest()
    mark_key = hashlib.blake2b(b"starling mark v1" + cluster, key=key, digest_size=16).digest()
    key_id = hashlib.blake2b(b"starling key id v1", key=key, digest_size=32).digest()[:4]
    tag = hashlib.blake2b(cluster, key=b"starling counter keys v1", digest_size=24).digest()[16:]
    front = b"STLG" + bytes([1, kind, 1, 0]) + tag + key_id
    back = struct.pack("<QQ", sender, counter)
    header = front + siphash24(mark_key, front + back)[:4] + back
    return header + chacha20_poly1305(subkey, struct.pack("<IQ", port, counter), body, header + cluster)


def as_text(packet):
    digits = packet.hex()
    return "".join(digits[at:at + 64] + "\n" for at in range(0, len(digits), 64))


def main(arguments):
    is_check = arguments[:1] == ["--check"]
    *plain_dirs, sealed_dir = map(pathlib.Path, arguments[is_check:])
    check_primitives()

    def plain(name):
        found = [folder / f"{name}.hex" for folder in plain_dirs if (folder / f"{name}.hex").exists()]
        return bytes.fromhex(found[0].read_text())

    counters = [0, 0]
    sealed = {}
    for name in packets:
        packet = plain(name)
        port = packet[5] in heartbeat_kinds
        counters[port] += 1
        sealed[name] = seal(packet, counters[port])
    for name, of, counter in late_packets:
        sealed[name] = seal(plain(of), counter)
    for name, packet in sealed.items():
        file = sealed_dir / f"{name}.hex"
        if not is_check:
            file.write_text(as_text(packet))
        elif file.read_text() != as_text(packet):
            sys.exit(f"{file} is not what sealing {name} gives")


if __name__ == "__main__":
    main(sys.argv[1:])
