"""Envoy's rate limit messages and gRPC's health messages for Python, without generated code: google.protobuf makes the classes
from the field numbers below. A second reading of them, beside protocol/envoy/*.proto, which grpc-js loads."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_field = descriptor_pb2.FieldDescriptorProto
_scalars = {"string": _field.TYPE_STRING, "uint32": _field.TYPE_UINT32, "uint64": _field.TYPE_UINT64,
            "int64": _field.TYPE_INT64, "int32": _field.TYPE_INT32, "enum": _field.TYPE_INT32}

# message: {field: (number, type[, "repeated"])}; enumerations are read as their numbers
_messages = {
    "Entry": {"key": (1, "string"), "value": (2, "string")},
    "Override": {"requests_per_unit": (1, "uint32"), "unit": (2, "enum")},
    "UInt64Value": {"value": (1, "uint64")},
    "Descriptor": {"entries": (1, "Entry", "repeated"), "limit": (2, "Override"), "hits_addend": (3, "UInt64Value")},
    "Request": {"domain": (1, "string"), "descriptors": (2, "Descriptor", "repeated"), "hits_addend": (3, "uint32")},
    "Limit": {"requests_per_unit": (1, "uint32"), "unit": (2, "enum"), "name": (3, "string")},
    "Duration": {"seconds": (1, "int64"), "nanos": (2, "int32")},
    "Status": {"code": (1, "enum"), "current_limit": (2, "Limit"), "limit_remaining": (3, "uint32"),
               "duration_until_reset": (4, "Duration")},
    "Header": {"key": (1, "string"), "value": (2, "string")},
    "Response": {"overall_code": (1, "enum"), "statuses": (2, "Status", "repeated"),
                 "response_headers_to_add": (3, "Header", "repeated")},
    "HealthRequest": {"service": (1, "string")},
    "HealthResponse": {"status": (1, "enum")},
}


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name="starling/interop.proto", package="interop", syntax="proto3")
    for name, fields in _messages.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind, *repeated) in fields.items():
            field = message.field.add(name=field_name, number=number)
            field.label = _field.LABEL_REPEATED if repeated else _field.LABEL_OPTIONAL
            field.type = _scalars.get(kind, _field.TYPE_MESSAGE)
            if field.type == _field.TYPE_MESSAGE:
                field.type_name = f".interop.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    make = message_factory.MessageFactory(pool)
    return {name: make.GetPrototype(pool.FindMessageTypeByName(f"interop.{name}")) for name in _messages}


_made = _classes()
Request, Response = _made["Request"], _made["Response"]
HealthRequest, HealthResponse = _made["HealthRequest"], _made["HealthResponse"]
OK, OVER_LIMIT = 1, 2
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3
limit_path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
check_path, watch_path = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"


def limit_request(*descriptors, domain="default", hits=0):
    """Each descriptor a dict of entries."""
    made = Request(domain=domain, hits_addend=hits)
    for entries in descriptors:
        added = made.descriptors.add()
        for key, value in entries.items():
            added.entries.add(key=key, value=value)
    return made


def framed(message):
    """As a gRPC client puts it on the wire: not compressed, with its length."""
    encoded = message.SerializeToString()
    return b"\0" + len(encoded).to_bytes(4, "big") + encoded
