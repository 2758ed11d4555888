"""The RPCs of a tree and their access options, read from the .proto files themselves."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc_tools
from forgepoint.common.v1 import access_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

_WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


@dataclass(frozen=True, slots=True)
class Rpc:
    """package: for example `forgepoint.registry.v1`. access: None when the option is missing."""

    file: str
    package: str
    service: str
    name: str
    streams: str
    access: access_pb2.Access | None

    @property
    def noun(self) -> str:
        return self.package.split(".")[1]


class ProtosInvalid(Exception):
    """protoc refuses the files; it has said why on stderr."""


def read(root: Path) -> list[Rpc]:
    """Every RPC, in the order of the files. Raises ProtosInvalid."""
    return [rpc for file in descriptors(root).file for rpc in _rpcs(file)]


def descriptors(root: Path) -> FileDescriptorSet:
    """The compiled files below `proto`. Raises ProtosInvalid."""
    folder = root / "proto"
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as out:
        image = Path(out) / "image"
        arguments = ["protoc", f"-I{folder}", f"-I{_WELL_KNOWN}", f"--descriptor_set_out={image}", *files]
        if protoc.main(arguments) != 0:
            raise ProtosInvalid(str(folder))
        return FileDescriptorSet.FromString(image.read_bytes())


def _rpcs(file: FileDescriptorProto) -> Iterator[Rpc]:
    for service in file.service:
        for method in service.method:
            has = method.options.HasExtension(access_pb2.access)
            yield Rpc(
                file=file.name,
                package=file.package,
                service=service.name,
                name=method.name,
                streams=_streams(client=method.client_streaming, server=method.server_streaming),
                access=method.options.Extensions[access_pb2.access] if has else None,
            )


def _streams(*, client: bool, server: bool) -> str:
    return {(False, False): "", (True, False): "in", (False, True): "out", (True, True): "both"}[client, server]
