#!/usr/bin/env python3
"""Compare a compiled descriptor set with the platform's wire contract.

    buf build -o image.binpb && check_contract.py image.binpb

The contract (contract/contract.json beside this folder) lists every package, message, field (name, number,
type, label, oneof), enum value and RPC (request, response, streaming) a client in another language relies on.
The descriptor set must hold all of them exactly. It may hold more: own fields of a contract message from number 100 up, own
messages, RPCs, enums, options.
Prints one line a difference and a last line 'N differences'; exits 1 when N > 0. Needs only `protobuf`.
"""

import json
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2 as pb

SCALARS = {
    getattr(pb.FieldDescriptorProto, f"TYPE_{n.upper()}"): n
    for n in (
        "double",
        "float",
        "int64",
        "uint64",
        "int32",
        "fixed64",
        "fixed32",
        "bool",
        "string",
        "bytes",
        "uint32",
        "sfixed32",
        "sfixed64",
        "sint32",
        "sint64",
    )
}


def load(path: Path):
    image = pb.FileDescriptorSet()
    image.ParseFromString(path.read_bytes())
    messages, enums, services = {}, {}, {}

    def walk(prefix, message):
        name = f"{prefix}.{message.name}"
        messages[name] = message
        for nested in message.nested_type:
            walk(name, nested)
        for enum in message.enum_type:
            enums[f"{name}.{enum.name}"] = {v.name: v.number for v in enum.value}

    for file in image.file:
        for message in file.message_type:
            walk(file.package, message)
        for enum in file.enum_type:
            enums[f"{file.package}.{enum.name}"] = {v.name: v.number for v in enum.value}
        for service in file.service:
            services[f"{file.package}.{service.name}"] = {m.name: m for m in service.method}
    return messages, enums, services


def type_name(field):
    return SCALARS.get(field.type) or field.type_name.lstrip(".")


def field_differences(full, spec, message, messages):
    by_name = {f.name: f for f in message.field}
    for field in message.field:
        if field.name not in spec and field.number < 100:
            yield f"{full}.{field.name}: own field with number {field.number}, must be 100 or more"
    for name, want in spec.items():
        got = by_name.get(name)
        if got is None:
            yield f"{full}.{name}: missing"
            continue
        if got.number != want["number"]:
            yield f"{full}.{name}: number {got.number}, contract {want['number']}"
        repeated = got.label == pb.FieldDescriptorProto.LABEL_REPEATED
        entry = messages.get(got.type_name.lstrip(".")) if repeated else None
        is_map = entry is not None and entry.options.map_entry
        label = "map" if is_map else "repeated" if repeated else "singular"
        if label != want["label"]:
            yield f"{full}.{name}: {label}, contract {want['label']}"
            continue
        if is_map:
            key, value = type_name(entry.field[0]), type_name(entry.field[1])
            if (key, value) != (want["key"], want["type"]):
                yield f"{full}.{name}: map<{key},{value}>, contract map<{want['key']},{want['type']}>"
        elif type_name(got) != want["type"]:
            yield f"{full}.{name}: {type_name(got)}, contract {want['type']}"
        if got.proto3_optional:
            yield f"{full}.{name}: optional, contract has implicit presence"
        oneof = (
            message.oneof_decl[got.oneof_index].name
            if got.HasField("oneof_index") and not got.proto3_optional
            else None
        )
        if oneof != want.get("oneof"):
            yield f"{full}.{name}: oneof {oneof}, contract {want.get('oneof')}"


def differences(contract, messages, enums, services):
    for package, spec in contract["packages"].items():
        for name, fields in spec["messages"].items():
            full = f"{package}.{name}"
            if full not in messages:
                yield f"{full}: missing message"
            else:
                yield from field_differences(full, fields, messages[full], messages)
        for name, values in spec["enums"].items():
            full = f"{package}.{name}"
            if full not in enums:
                yield f"{full}: missing enum"
                continue
            for value, number in values.items():
                if enums[full].get(value) != number:
                    yield f"{full}.{value}: {enums[full].get(value)}, contract {number}"
        for name, rpcs in spec["services"].items():
            full = f"{package}.{name}"
            for rpc, want in rpcs.items():
                got = services.get(full, {}).get(rpc)
                if got is None:
                    yield f"{full}/{rpc}: missing RPC"
                    continue
                for side, type_ in (("request", got.input_type), ("response", got.output_type)):
                    if type_.lstrip(".") != f"{package}.{want[side]}":
                        yield f"{full}/{rpc}: {side} {type_.lstrip('.')}, contract {package}.{want[side]}"
                kind = {(0, 0): "unary", (0, 1): "server-stream", (1, 0): "client-stream", (1, 1): "bidi-stream"}[
                    (int(got.client_streaming), int(got.server_streaming))
                ]
                if kind != want["kind"]:
                    yield f"{full}/{rpc}: {kind}, contract {want['kind']}"


def main(argv):
    if len(argv) != 2 or argv[1] in ("-h", "--help"):
        print(__doc__)
        return 2
    contract = json.loads((Path(__file__).resolve().parent.parent / "proto" / "contract" / "contract.json").read_text())
    found = list(differences(contract, *load(Path(argv[1]))))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
