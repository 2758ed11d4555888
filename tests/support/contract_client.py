"""Clients of the contract alone: protos of its names and numbers, without our options and additions."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

CONTRACT = json.loads((Path(__file__).parents[2] / "proto" / "contract" / "contract.json").read_text())["packages"]
WELL_KNOWN = {"Timestamp": "timestamp", "Any": "any", "Struct": "struct", "Value": "struct", "Duration": "duration"}
_INCLUDE = Path(grpc_tools.__file__).parent / "_proto"


def compiled(folder: Path, packages: tuple[str, ...], *options: str) -> None:
    """protoc over the protos of these packages, which are written into the folder. options: what it makes of them."""
    files = [f"{short(package)}.proto" for package in packages]
    for package, file in zip(packages, files, strict=True):
        (folder / file).write_text(render(package, packages))
    assert protoc.main(["protoc", f"-I{folder}", f"-I{_INCLUDE}", *options, *files]) == 0


@dataclass(frozen=True)
class Method:
    """One RPC as the contract has it: its path on the wire and its messages."""

    path: str
    request: Any
    response: Any
    streams: bool

    def of(self, channel: Any) -> Any:
        """The callable of a bare gRPC channel."""
        kind = channel.unary_stream if self.streams else channel.unary_unary
        return kind(
            self.path,
            request_serializer=self.request.SerializeToString,
            response_deserializer=self.response.FromString,
        )


class Contract:
    """Methods of these packages by name, in a pool of their own: nothing of ours is in it."""

    def __init__(self, folder: Path, packages: tuple[str, ...]) -> None:
        file = folder / "contract.binpb"
        compiled(folder, packages, f"--descriptor_set_out={file}", "--include_imports")
        self._pool = descriptor_pool.DescriptorPool()
        for each in descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes()).file:
            self._pool.Add(each)
        self._services = {name: f"{package}.{name}" for package in packages for name in CONTRACT[package]["services"]}

    def method(self, name: str) -> Method:
        """name: `Service.Rpc`."""
        service, rpc = name.split(".")
        found = self._pool.FindServiceByName(self._services[service]).methods_by_name[rpc]
        request, response = map(message_factory.GetMessageClass, (found.input_type, found.output_type))
        return Method(f"/{self._services[service]}/{rpc}", request, response, found.server_streaming)


def filled(method: Method, fields: dict[str, Any]) -> Any:
    return json_format.ParseDict(fields, method.request())


def short(package: str) -> str:
    return package.split(".")[1]


def render(package: str, packages: tuple[str, ...]) -> str:
    """The package as a proto file of its own, which knows the others."""
    spec = CONTRACT[package]
    lines = ['syntax = "proto3";', f"package {package};"]
    text = json.dumps(spec)
    for name, file in WELL_KNOWN.items():
        if f"google.protobuf.{name}" in text:
            lines.append(f'import "google/protobuf/{file}.proto";')
    lines += [f'import "{short(other)}.proto";' for other in packages if other != package and f'"{other}.' in text]
    for name, values in spec["enums"].items():
        body = " ".join(f"{value} = {number};" for value, number in sorted(values.items(), key=lambda pair: pair[1]))
        lines.append(f"enum {name} {{ {body} }}")
    lines += [message(name, spec["messages"]) for name in spec["messages"] if "." not in name]
    for name, rpcs in spec["services"].items():
        body = " ".join(
            f"rpc {rpc}({_kind(package, shape, 'request')}) returns ({_kind(package, shape, 'response')});"
            for rpc, shape in rpcs.items()
        )
        lines.append(f"service {name} {{ {body} }}")
    return "\n".join(dict.fromkeys(lines))


def message(name: str, messages: dict[str, Any]) -> str:
    """With those inside of it, which are named `Outer.Inner`."""
    fields = " ".join(field(key, value) for key, value in messages[name].items())
    inner = " ".join(message(each, messages) for each in messages if each.rpartition(".")[0] == name)
    return f"message {name.rpartition('.')[2]} {{ {inner} {fields} }}"


def field(name: str, spec: dict[str, Any]) -> str:
    kind = f".{spec['type']}" if "." in spec["type"] else spec["type"]
    if spec["label"] == "map":
        return f"map<{spec['key']}, {kind}> {name} = {spec['number']};"
    label = "repeated " if spec["label"] == "repeated" else ""
    return f"{label}{kind} {name} = {spec['number']};"


def _kind(package: str, shape: dict[str, Any], side: str) -> str:
    streams = {"request": ("client-stream", "bidi-stream"), "response": ("server-stream", "bidi-stream")}[side]
    return f"{'stream ' if shape['kind'] in streams else ''}.{package}.{shape[side]}"
