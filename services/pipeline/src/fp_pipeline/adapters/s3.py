"""Files of jobs in an S3 store. The client is a blocking one: each call has a thread."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

_CHUNK = 1024 * 1024
_TIMEOUT = urllib3.Timeout(connect=3.0, read=60.0)
_FORBIDDEN = frozenset({400, 401, 403})
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket"})
_OK = 300
_SERVER_FAULT = 500

Answer = TypeVar("Answer")


def client(endpoint: str, access_key: str, secret_key: str, *, region: str) -> Minio:
    """endpoint: http or https URL. region: given, so that signing asks nobody."""
    parts = urlsplit(endpoint)
    # The engine retries by itself: a store that is away must be told within the time of a step.
    pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=urllib3.Retry(total=1, backoff_factor=0.1))
    return Minio(
        parts.netloc,
        access_key=access_key,
        secret_key=secret_key,
        secure=parts.scheme == "https",
        region=region,
        http_client=pool,
    )


class S3Artifacts:
    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)

    async def ping(self) -> None:
        """Raises Unavailable, FailedPrecondition when there is no bucket."""
        if not await _in_thread(lambda: self._client.bucket_exists(self._bucket)):
            raise FailedPrecondition("the bucket does not exist")

    async def close(self) -> None:
        self._http.clear()

    async def reading_url(self, key: str, ttl: float) -> str:
        return await _in_thread(
            lambda: self._client.presigned_get_object(self._bucket, key, expires=timedelta(seconds=ttl))
        )

    async def writing_url(self, key: str, ttl: float) -> str:
        return await _in_thread(
            lambda: self._client.presigned_put_object(self._bucket, key, expires=timedelta(seconds=ttl))
        )

    async def read(self, key: str, limit: int) -> bytes | None:
        try:
            content = await _in_thread(lambda: b"".join(self._chunks(key, limit)))
        except NotFound:
            return None
        if len(content) > limit:
            raise InvalidArgument(f"{key.rpartition('/')[2]} is larger than {limit} bytes")
        return content

    async def write(self, key: str, content: bytes) -> None:
        await _in_thread(
            lambda: self._client.put_object(self._bucket, key, io.BytesIO(content), len(content), "application/json")
        )

    async def digest(self, key: str) -> str:
        def measure() -> str:
            digest = hashlib.sha256()
            for chunk in self._chunks(key):
                digest.update(chunk)
            return f"sha256:{digest.hexdigest()}"

        return await _in_thread(measure)

    async def put_to(self, key: str, url: str) -> None:
        await _in_thread(lambda: self._send(key, url))

    async def delete_below(self, prefix: str) -> int:
        """A thousand objects a call at most, one after the other; how many that were."""
        return await _in_thread(lambda: self._delete(prefix))

    def _delete(self, prefix: str) -> int:
        names = [each.object_name for each in self._client.list_objects(self._bucket, prefix, recursive=True)]
        doomed = [DeleteObject(name) for name in names if name]
        # One that could not be deleted is found again with its execution, which stays until then.
        for refused in self._client.remove_objects(self._bucket, doomed):
            raise Unavailable(f"the object store did not delete: {refused.code}")
        return len(doomed)

    def _chunks(self, key: str, limit: int | None = None) -> Iterator[bytes]:
        """The content; it stops soon after the limit."""
        response = self._client.get_object(self._bucket, key)
        read = 0
        try:
            for chunk in response.stream(_CHUNK):
                yield chunk
                read += len(chunk)
                if limit is not None and read > limit:
                    return
        finally:
            response.close()
            response.release_conn()

    def _send(self, key: str, url: str) -> None:
        source = self._client.get_object(self._bucket, key)
        try:
            length = source.headers["content-length"]
            answer = self._http.request("PUT", url, body=_Stream(source), headers={"content-length": length})
        finally:
            source.close()
            source.release_conn()
        if answer.status in _FORBIDDEN:
            raise PermissionDenied("the presigned URL is not valid (any more)")
        if answer.status >= _OK:
            raise Unavailable(f"the object store answered {answer.status}")


class _Stream(io.RawIOBase):
    """A response as a file: urllib3 sends a file in blocks, so that no artifact is held in memory."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._response.read(_CHUNK if size < 0 else size)
        return content


async def _in_thread(call: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(call)
    except S3Error as error:
        if error.code in _MISSING:
            raise NotFound("no such object") from None
        if error.response.status >= _SERVER_FAULT:
            raise Unavailable("the object store failed") from error
        raise FailedPrecondition(f"the object store refused: {error.code}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable("the object store does not answer") from error
