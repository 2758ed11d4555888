"""Artifacts from the object store to a file."""

import hashlib
import tempfile
from pathlib import Path
from typing import Final

import httpx
from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1 import registry_pb2_grpc
from fp_kernel import FailedPrecondition, Unavailable

from fp_cli.address import is_loopback
from fp_cli.client import Client

_TIMEOUT: Final = httpx.Timeout(600.0, connect=10.0)


def fetch(client: Client, version_id: str, file: Path) -> tuple[int, str]:
    """Size and digest. The file takes its name when it is whole and right.

    Raises Unavailable when it cannot be fetched, FailedPrecondition when it is not what the registry measured.
    """
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    answer = client.call(stub.GetDownloadURL, pb.GetDownloadURLRequest(version_id=version_id))
    part = file.with_name(f".{file.name}.part")
    try:
        size, digest = _saved(client, answer.download_url, part)
        if answer.artifact_digest and digest != answer.artifact_digest:
            raise FailedPrecondition(f"the artifact has the digest {digest}, not {answer.artifact_digest}")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return size, digest


def content(client: Client, version_id: str) -> bytes:
    """As `fetch`, for who keeps no file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "artifact")
        fetch(client, version_id, file)
        return file.read_bytes()


def _saved(client: Client, url: str, file: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    direct = is_loopback(httpx.URL(url).host)
    try:
        with (
            httpx.stream(
                "GET", url, timeout=_TIMEOUT, trust_env=not direct, verify=client.transport.trusted(url)
            ) as response,
            file.open("wb") as content,
        ):
            if response.is_error:
                raise Unavailable(f"the object store refused the artifact with status {response.status_code}")
            for chunk in response.iter_bytes():
                digest.update(chunk)
                size += len(chunk)
                content.write(chunk)
    except httpx.HTTPError as error:
        raise Unavailable(f"the object store did not give the artifact: {type(error).__name__}") from None
    return size, f"sha256:{digest.hexdigest()}"
