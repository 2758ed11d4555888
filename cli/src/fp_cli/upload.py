"""A version from a file: create, put, confirm."""

import hashlib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1 import registry_pb2_grpc
from fp_kernel import AlreadyExists, FailedPrecondition, NotFound, Unavailable
from fp_kernel.ensembles import FIRST

from fp_cli import names, onnx_file
from fp_cli.address import is_loopback
from fp_cli.client import Client, idempotency_key
from fp_cli.transport import trusted

# Artifacts may be large and lines slow; the connection itself must come up quickly.
_PIECE: Final = 1024 * 1024
_UPLOAD_TIMEOUT: Final = httpx.Timeout(600.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class Order:
    """model: name. content: the ONNX file, a bundle, or an ensemble. columns: names of the input's columns, may be
    empty.
    """

    model: str
    content: bytes
    version: str = ""
    description: str = ""
    task_type: str = ""
    columns: Sequence[str] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    idempotency_key: str = ""


def register(client: Client, order: Order) -> Any:
    """The READY version.

    Raises FailedPrecondition when the artifact was refused, Unavailable when it could not be put.
    """
    # That of an ensemble follows from its steps, which the registry looks at.
    signature = None if order.content.startswith(FIRST) else onnx_file.signature(order.content, order.columns)
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    model_id = _model_id(client, order)
    key = idempotency_key(order.idempotency_key)
    request = pb.CreateVersionRequest(
        model_id=model_id,
        version=order.version,
        description=order.description,
        signature=signature,
        idempotency_key=f"{key}/create",
    )
    request.metrics.update(order.metrics)
    created = client.call(stub.CreateVersion, request)
    _put(created.upload_url, order.content, client.transport.trusted(created.upload_url))
    confirmation = pb.ConfirmVersionUploadRequest(
        version_id=created.version.id,
        expected_digest=f"sha256:{hashlib.sha256(order.content).hexdigest()}",
        idempotency_key=f"{key}/confirm",
    )
    version = client.call(stub.ConfirmVersionUpload, confirmation).version
    if version.status == pb.VERSION_STATUS_FAILED:
        raise FailedPrecondition(f"the artifact was refused: {version.failure_reason}")
    return version


def _model_id(client: Client, order: Order) -> str:
    try:
        return str(names.model(client, order.model).id)
    except NotFound:
        pass
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    request = pb.RegisterModelRequest(name=order.model, framework="onnx", task_type=order.task_type)
    try:
        return str(client.call(stub.RegisterModel, request).model.id)
    except AlreadyExists:
        # Somebody else registered it between the two calls.
        return str(names.model(client, order.model).id)


def _put(url: str, content: bytes, verify: ssl.SSLContext | None = None) -> None:
    direct = is_loopback(httpx.URL(url).host)
    try:
        response = httpx.put(
            url,
            content=_pieces(content),
            headers={"content-length": str(len(content))},
            timeout=_UPLOAD_TIMEOUT,
            trust_env=not direct,
            verify=verify or trusted(url),
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"the object store did not take the artifact: {type(error).__name__}") from None
    if response.is_error:
        raise Unavailable(f"the object store refused the artifact with status {response.status_code}")


def _pieces(content: bytes) -> Iterator[bytes]:
    """TLS takes less than 2 GiB at once."""
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]
