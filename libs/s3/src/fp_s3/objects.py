"""Small objects on an S3 API."""

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

from fp_kernel import FailedPrecondition, InvalidArgument, Unavailable
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

_CONNECT: Final = 2.0  # seconds
_READ: Final = 15.0  # seconds between two pieces of an answer
_CONNECTIONS: Final = 4
_SERVER_FAULT: Final = 500
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Location:
    """endpoint: http or https URL. region: what URLs are signed for; named, so that signing asks nobody."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


class ObjectStore:
    """One bucket. Every call raises Unavailable when the store is away, FailedPrecondition when it refuses."""

    def __init__(self, location: Location) -> None:
        address = urlsplit(location.endpoint)
        self._bucket = location.bucket
        self._pool = PoolManager(
            maxsize=_CONNECTIONS, timeout=Timeout(connect=_CONNECT, read=_READ), retries=Retry(1, backoff_factor=0.1)
        )
        self._client = Minio(
            address.netloc,
            access_key=location.access_key,
            secret_key=location.secret_key,
            secure=address.scheme == "https",
            region=location.region,
            http_client=self._pool,
        )

    async def ping(self) -> None:
        if not await _in_thread(lambda: self._client.bucket_exists(self._bucket)):
            raise FailedPrecondition("the bucket does not exist")

    async def close(self) -> None:
        self._pool.clear()

    async def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """An object of this key that is there is replaced."""
        await _in_thread(
            lambda: self._client.put_object(self._bucket, key, io.BytesIO(content), len(content), content_type)
        )

    async def get(self, key: str, *, limit: int) -> bytes | None:
        """None when there is no such object. limit: bytes; raises InvalidArgument for a larger one."""
        return await _in_thread(lambda: self._read(key, limit))

    async def list(self, prefix: str) -> list[str]:
        """Every key below the prefix, in order; a thousand a request."""
        return await _in_thread(
            lambda: [
                each.object_name
                for each in self._client.list_objects(self._bucket, prefix, recursive=True)
                if each.object_name
            ]
        )

    async def delete(self, keys: Sequence[str]) -> None:
        """A thousand a request; one that is not there is no failure."""
        if keys:
            await _in_thread(lambda: self._delete(keys))

    def _read(self, key: str, limit: int) -> bytes | None:
        try:
            response = self._client.get_object(self._bucket, key, length=limit + 1)
        except S3Error as error:
            if error.code in _MISSING:
                return None
            raise
        try:
            content: bytes = response.read()
        finally:
            response.close()
            response.release_conn()
        if len(content) > limit:
            raise InvalidArgument(f"{key} is larger than {limit} bytes")
        return content

    def _delete(self, keys: Sequence[str]) -> None:
        for refused in self._client.remove_objects(self._bucket, [DeleteObject(key) for key in keys]):
            raise Unavailable(f"the object store did not delete: {refused.code}")


async def _in_thread(call: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(call)
    except S3Error as error:
        if error.response.status >= _SERVER_FAULT:
            raise Unavailable("the object store failed") from error
        raise FailedPrecondition(f"the object store refused: {error.code}") from error
    except (HTTPError, MinioException, OSError) as error:
        raise Unavailable("the object store does not answer") from error
