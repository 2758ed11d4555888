"""One bucket on an S3 API."""

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from fp_s3.failures import failure_of
from fp_s3.streams import PIECE, Pieces, Upload

_CONNECT: Final = 2.0  # seconds
_READ: Final = 15.0  # seconds between two pieces of an answer, not for the whole of it
_SLOWEST: Final = 16 * PIECE  # bytes a second: what the store copies or writes at least, before its answer begins
_CONNECTIONS: Final = 8
_MOST_KEYS: Final = 1_000  # that one request deletes
# Only passing failures of the store, once: whoever calls repeats. Waits are ours, not what the store asks for.
_RETRY: Final = Retry(1, backoff_factor=0.1, status_forcelist=(500, 502, 503, 504), respect_retry_after_header=False)
_URL_ENDED: Final = frozenset({400, 401, 403})
_OK: Final = 300

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Location:
    """Where the bucket is.

    endpoint: http or https URL. public_endpoint: the address that presigned URLs name, when it is another one.
    region: what URLs are signed for; given, because the client library would ask the store for it before it signs.
    authorities: file with those whose certificates an https endpoint may have; the system's when None. Each connection
    reads it anew.
    own: what the names of this service's objects begin with; it may have no right to the rest of the bucket.
    """

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    public_endpoint: str = ""
    own: str = ""
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """etag: of the content, so that a later call can insist on it."""

    etag: str
    size_bytes: int


class ObjectStore:
    """One bucket. The client library blocks: each call has a thread.

    Every call raises Unavailable while the store is away or refuses this service; see `failure_of`.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._bucket = location.bucket
        timeout = Timeout(connect=_CONNECT, read=_READ)
        self._pool = PoolManager(maxsize=_CONNECTIONS, timeout=timeout, retries=_RETRY, **_trust(location))
        self._client = _client(location, location.endpoint, self._pool)
        # Signs for the address under which others reach the store; it is never connected to.
        self._signer = _client(location, location.public_endpoint or location.endpoint, self._pool)

    async def ping(self) -> None:
        """Raises FailedPrecondition when there is no such bucket."""
        if not await _in_thread(self._has_bucket):
            raise FailedPrecondition("the bucket does not exist")

    async def close(self) -> None:
        self._pool.clear()

    def upload_url(self, key: str, life: timedelta) -> str:
        """Whoever has it may PUT the object until it ends."""
        return self._signer.presigned_put_object(self._bucket, key, expires=life)

    def download_url(self, key: str, life: timedelta) -> str:
        return self._signer.presigned_get_object(self._bucket, key, expires=life)

    async def put(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> None:
        """An object of this key that is there is replaced."""
        await _in_thread(
            lambda: self._client.put_object(self._bucket, key, io.BytesIO(content), len(content), content_type)
        )

    async def find(self, key: str) -> ObjectFacts | None:
        """None when there is no such object."""
        try:
            found = await _in_thread(lambda: self._client.stat_object(self._bucket, key))
        except NotFound:
            return None
        return ObjectFacts(etag=found.etag or "", size_bytes=found.size or 0)

    async def get(self, key: str, *, limit: int) -> bytes | None:
        """None when there is no such object. limit: bytes; raises InvalidArgument for a larger one."""

        def whole(pieces: Pieces) -> bytes:
            if pieces.size_bytes > limit:
                raise InvalidArgument(f"{key.rpartition('/')[2]} is larger than {limit} bytes")
            return b"".join(pieces)

        try:
            return await self.scan(key, whole)
        except NotFound:
            return None

    async def scan(self, key: str, work: Callable[[Pieces], Answer], *, etag: str = "") -> Answer:
        """What `work`, in a thread, makes of the content; pieces it does not take are not read.

        etag: which content it must be. Raises NotFound, ObjectChanged.
        """
        stopped: list[bool] = []

        def run() -> Answer:
            with self._opened(key, etag) as answer:
                return work(Pieces(answer, stopped))

        try:
            return await _in_thread(run)
        finally:
            stopped.append(True)

    async def digest(self, key: str) -> str:
        """`sha256:<hex>` of the content. Raises NotFound."""

        def hashed(pieces: Pieces) -> str:
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
            return f"sha256:{digest.hexdigest()}"

        return await self.scan(key, hashed)

    async def copy(self, source: str, target: str, found: ObjectFacts) -> None:
        """Inside the store. found: the source as it must still be.

        Raises NotFound, ObjectChanged.
        """
        # The store copies before it answers. A time-out in the middle would begin the copy again, and one of gigabytes
        # would never end: it has the time that its bytes need, and is not repeated.
        timeout = Timeout(connect=_CONNECT, read=patience(found.size_bytes))
        pool = PoolManager(timeout=timeout, retries=Retry(0), **_trust(self._location))
        client = _client(self._location, self._location.endpoint, pool)
        try:
            chosen = CopySource(self._bucket, source, match_etag=found.etag)
            await _in_thread(lambda: client.copy_object(self._bucket, target, chosen))
        finally:
            pool.clear()

    async def send(self, key: str, url: str) -> None:
        """PUT the content to a presigned URL, of this bucket or another.

        Raises NotFound, PermissionDenied for a URL that is not valid (any more).
        """
        await _in_thread(lambda: self._send(key, url))

    async def list(self, prefix: str) -> list[str]:
        """Every key below the prefix, in order; a thousand a request."""
        found = await _in_thread(lambda: [*self._client.list_objects(self._bucket, prefix, recursive=True)])
        return [each.object_name for each in found if each.object_name]

    async def delete(self, keys: Sequence[str]) -> None:
        """A thousand a request; one that is not there is no failure. No request begins after this has ended."""
        stopped: list[bool] = []
        try:
            await _in_thread(lambda: self._delete(keys, stopped))
        finally:
            stopped.append(True)

    async def delete_below(self, prefix: str) -> int:
        """Delete every object below the prefix; how many that were."""
        keys = await self.list(prefix)
        await self.delete(keys)
        return len(keys)

    @contextmanager
    def _opened(self, key: str, etag: str = "") -> Iterator[Any]:
        headers: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'} if etag else {}
        answer = self._client.get_object(self._bucket, key, request_headers=headers)
        try:
            yield answer
        finally:
            answer.close()
            answer.release_conn()

    def _has_bucket(self) -> bool:
        """Asked by a list of what has this service's prefix and is not there: `bucket_exists` needs a right to all."""
        try:
            list(self._client.list_objects(self._bucket, f"{self._location.own}.ping"))
        except S3Error as refused:
            if refused.code != "NoSuchBucket":
                raise
            return False
        return True

    def _send(self, key: str, url: str) -> None:
        with self._opened(key) as source:
            size = source.headers["content-length"]
            answer = self._pool.request(
                "PUT",
                url,
                body=Upload(source),
                headers={"content-length": size},
                timeout=Timeout(connect=_CONNECT, read=patience(int(size))),
                retries=False,
            )
        if answer.status in _URL_ENDED:
            raise PermissionDenied("the presigned URL is not valid (any more)")
        if answer.status >= _OK:
            raise Unavailable(f"the object store answered {answer.status}")

    def _delete(self, keys: Sequence[str], stopped: Sequence[bool]) -> None:
        for start in range(0, len(keys), _MOST_KEYS):
            if stopped:
                return
            some = map(DeleteObject, keys[start : start + _MOST_KEYS])
            for refused in self._client.remove_objects(self._bucket, some):
                raise Unavailable(f"the object store did not delete: {refused.code}")


def patience(size_bytes: int) -> float:
    """Seconds that the store may take to copy or write so many bytes before its answer begins."""
    return _READ + size_bytes / _SLOWEST


def _trust(location: Location) -> dict[str, Any]:
    return {"cert_reqs": "CERT_REQUIRED", "ca_certs": str(location.authorities) if location.authorities else None}


def _client(location: Location, endpoint: str, pool: PoolManager) -> Minio:
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        access_key=location.access_key,
        secret_key=location.secret_key,
        secure=address.scheme == "https",
        region=location.region,
        http_client=pool,
    )


async def _in_thread(call: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(call)
    except (MinioException, HTTPError, OSError) as error:
        raise failure_of(error) from error
