"""A client that knows nothing but the contract: stubs made from its names and numbers, without our options."""

import json
import subprocess
import sys
from pathlib import Path

import grpc_tools
from fp_kernel import new_id
from grpc_tools import protoc

CONTRACT = json.loads((Path(__file__).parents[2] / "proto" / "contract" / "contract.json").read_text())["packages"]
NEEDED = ("forgepoint.common.v1", "forgepoint.auth.v1", "forgepoint.registry.v1")
WELL_KNOWN = {"Timestamp": "timestamp", "Any": "any", "Struct": "struct", "Value": "struct", "Duration": "duration"}


def short(package: str) -> str:
    return package.split(".")[1]


def render(package: str) -> str:
    """The package as a proto file of its own."""
    spec = CONTRACT[package]
    lines = ['syntax = "proto3";', f"package {package};"]
    text = json.dumps(spec)
    for name, file in WELL_KNOWN.items():
        if f"google.protobuf.{name}" in text:
            lines.append(f'import "google/protobuf/{file}.proto";')
    lines += [f'import "{short(other)}.proto";' for other in NEEDED if other != package and f'"{other}.' in text]
    for name, values in spec["enums"].items():
        body = " ".join(f"{value} = {number};" for value, number in sorted(values.items(), key=lambda pair: pair[1]))
        lines.append(f"enum {name} {{ {body} }}")
    for name, fields in spec["messages"].items():
        lines.append(f"message {name} {{ {' '.join(field(key, value) for key, value in fields.items())} }}")
    for name, rpcs in spec["services"].items():
        body = " ".join(
            f"rpc {rpc}(.{package}.{shape['request']}) returns (.{package}.{shape['response']});"
            for rpc, shape in rpcs.items()
        )
        lines.append(f"service {name} {{ {body} }}")
    return "\n".join(dict.fromkeys(lines))


def field(name: str, spec: dict) -> str:
    kind = f".{spec['type']}" if "." in spec["type"] else spec["type"]
    if spec["label"] == "map":
        return f"map<{spec['key']}, {kind}> {name} = {spec['number']};"
    label = "repeated " if spec["label"] == "repeated" else ""
    return f"{label}{kind} {name} = {spec['number']};"


CLIENT = """
import sys, grpc
import auth_pb2, auth_pb2_grpc, registry_pb2, registry_pb2_grpc
address, email, password, name = sys.argv[1:]
with grpc.insecure_channel(address) as channel:
    login = auth_pb2_grpc.AuthServiceStub(channel).Login(auth_pb2.LoginRequest(email=email, password=password))
    metadata = (("authorization", f"Bearer {login.access_token}"),)
    registry = registry_pb2_grpc.RegistryServiceStub(channel)
    made = registry.RegisterModel(registry_pb2.RegisterModelRequest(name=name), metadata=metadata).model
    back = registry.GetModel(registry_pb2.GetModelRequest(id=made.id), metadata=metadata).model
    assert back == made, (back, made)
    assert back.name == name and back.team and back.owner_id
    print("read back")
"""


def test_a_client_of_the_contract_alone_logs_in_registers_and_reads_back(platform, tmp_path):
    for package in NEEDED:
        (tmp_path / f"{short(package)}.proto").write_text(render(package))
    include = Path(grpc_tools.__file__).parent / "_proto"
    files = [f"{short(package)}.proto" for package in NEEDED]
    out = [f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}"]
    assert protoc.main(["protoc", f"-I{tmp_path}", f"-I{include}", *out, *files]) == 0
    (tmp_path / "client.py").write_text(CLIENT)

    access = platform.access
    result = subprocess.run(
        [sys.executable, "client.py", access.address, access.email, access.password, f"plain-{new_id()}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stdout) == (0, "read back\n"), result.stderr
