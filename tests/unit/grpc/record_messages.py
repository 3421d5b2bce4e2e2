#!/usr/bin/env python3
"""Prints recorded_messages.hpp: messages of Envoy's Rate Limit Service as Google's protobuf writes them.

Usage: record_messages.py > recorded_messages.hpp   (needs Debian's python3-protobuf)
The schema is put together here, field by field, from Envoy's rls.proto and ratelimit.proto; so what is recorded checks
our field numbers and our bytes against a library that has nothing in common with ours.
"""
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, wrappers_pb2

KINDS = {"string": 9, "uint32": 13, "uint64": 4, "bool": 8, "int32": 5}
MESSAGES = {
    "Entry": [("key", 1, "string"), ("value", 2, "string")],
    # An enumeration is an int32 on the wire.
    "Override": [("requests_per_unit", 1, "uint32"), ("unit", 2, "int32")],
    "Descriptor": [("entries", 1, "*.test.Entry"), ("limit", 2, ".test.Override"),
                   ("hits_addend", 3, ".google.protobuf.UInt64Value"), ("is_negative_hits", 4, "bool")],
    "Request": [("domain", 1, "string"), ("descriptors", 2, "*.test.Descriptor"), ("hits_addend", 3, "uint32")],
    "RateLimit": [("requests_per_unit", 1, "uint32"), ("unit", 2, "int32"), ("name", 3, "string")],
    "Status": [("code", 1, "int32"), ("current_limit", 2, ".test.RateLimit"), ("limit_remaining", 3, "uint32"),
               ("duration_until_reset", 4, ".google.protobuf.Duration")],
    "HeaderValue": [("key", 1, "string"), ("value", 2, "string")],
    "Response": [("overall_code", 1, "int32"), ("statuses", 2, "*.test.Status"),
                 ("response_headers_to_add", 3, "*.test.HeaderValue")],
}


def classes():
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax="proto3")
    for needed in (wrappers_pb2, duration_pb2):
        file.dependency.append(needed.DESCRIPTOR.name)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(name=field, number=number, label=3 if kind.startswith("*") else 1)
            if kind in KINDS:
                added.type = KINDS[kind]
            else:
                added.type, added.type_name = 11, kind.lstrip("*")
    pool = descriptor_pool.DescriptorPool()
    for needed in (wrappers_pb2, duration_pb2):
        pool.AddSerializedFile(needed.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName("test." + name)) for name in MESSAGES}


def messages():
    made = classes()
    full = made["Request"](domain="edge", hits_addend=70000)
    first = full.descriptors.add()
    first.entries.add(key="principal", value="älice")
    first.entries.add(key="path", value="")
    first.limit.requests_per_unit = 4294967295
    first.limit.unit = 6
    first.hits_addend.value = 300
    full.descriptors.add().entries.add(key="generic_key", value="x" * 200)
    full.descriptors.add().is_negative_hits = True
    peek = made["Request"](domain="edge")
    looks = peek.descriptors.add()
    looks.entries.add(key="k", value="v")
    looks.hits_addend.value = 0
    looks.hits_addend.SetInParent()
    response = made["Response"](overall_code=2)
    status = response.statuses.add(code=1, limit_remaining=4294967295)
    status = response.statuses.add(code=2, limit_remaining=3)
    status.current_limit.requests_per_unit = 1000
    status.current_limit.unit = 7
    status.current_limit.name = "per user"
    status.duration_until_reset.seconds = 604800
    response.response_headers_to_add.add(key="retry-after", value="604800")
    return {"full_request": full, "peek_request": peek, "denied_response": response}


def main():
    print("/// Messages of Envoy's Rate Limit Service as Google's protobuf writes them, in hex. Made by\n"
          "/// record_messages.py.\n#pragma once\n\n#include <string_view>\n\nnamespace starling::testing {\n")
    for name, message in messages().items():
        text = message.SerializeToString(deterministic=True).hex()
        lines = [text[at:at + 100] for at in range(0, len(text), 100)]
        print(f"inline constexpr std::string_view recorded_{name} =")
        print("\n".join(f'    "{line}"' for line in lines) + ";")
    print("\n}  // namespace starling::testing")


if __name__ == "__main__":
    main()
