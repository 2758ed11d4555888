"""A client that knows nothing but the contract: stubs made from its names and numbers, without our options."""

import subprocess
import sys

from contract_client import compiled
from fp_kernel import new_id

NEEDED = ("forgepoint.common.v1", "forgepoint.auth.v1", "forgepoint.registry.v1")

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
    compiled(tmp_path, NEEDED, f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}")
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
