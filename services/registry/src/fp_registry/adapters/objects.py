"""Artifacts on an S3 API."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from fp_kernel import Unavailable
from fp_telemetry import get_logger
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from fp_registry.adapters.onnx_files import onnx_flaw
from fp_registry.app.ports import Upload, UploadChanged
from fp_registry.domain.artifact import Measured, content_key

_CHUNK = 1024 * 1024
_CONNECT_TIMEOUT = 2.0
# Between two pieces of an answer, not for the whole of it.
_READ_TIMEOUT = 15.0
# The store copies before it answers; so many bytes a second it manages at least.
_SLOWEST_COPY = 16 * _CHUNK
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})
_CHANGED = frozenset({"PreconditionFailed"})

_log = get_logger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Store:
    """endpoint, public_endpoint: http(s)://host:port, for this service and for its clients."""

    endpoint: str
    public_endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


class _Missing(Exception):
    """There is no such object."""


class S3Artifacts:
    """`app.ports.Artifacts`. The client library blocks: its calls run in threads, `hashing` of them at most at once.

    A hashed object passes through in pieces of a mebibyte and is never held as a whole.
    """

    def __init__(self, store: Store, *, hashing: int = 2) -> None:
        self._bucket = store.bucket
        self._pool = PoolManager(
            num_pools=1, maxsize=8, timeout=Timeout(connect=_CONNECT_TIMEOUT, read=_READ_TIMEOUT), retries=Retry(1)
        )
        self._store = store
        self._client = self._open(store.endpoint, self._pool)
        # Signs for the address under which clients reach the store; it is never connected to.
        self._public = self._open(store.public_endpoint, self._pool)
        self._hashing = asyncio.Semaphore(hashing)

    def _open(self, endpoint: str, pool: PoolManager) -> Minio:
        address, store = urlsplit(endpoint), self._store
        return Minio(
            address.netloc,
            access_key=store.access_key,
            secret_key=store.secret_key,
            secure=address.scheme == "https",
            # Named, because the library would ask the store for it before it signs anything.
            region=store.region,
            http_client=pool,
        )

    def upload_url(self, key: str, ttl: timedelta) -> str:
        return self._public.presigned_put_object(self._bucket, key, expires=ttl)

    def download_url(self, key: str, ttl: timedelta) -> str:
        return self._public.presigned_get_object(self._bucket, key, expires=ttl)

    async def look(self, key: str) -> Upload | None:
        try:
            found = await self._call(lambda: self._client.stat_object(self._bucket, key))
        except _Missing:
            return None
        return Upload(etag=found.etag or "", size_bytes=found.size or 0)

    async def measure(self, key: str, upload: Upload, *, served: bool) -> Measured:
        async with self._hashing:
            stopped: list[bool] = []
            try:
                return await self._call(lambda: self._read(key, upload, stopped, served))
            except _Missing:
                raise UploadChanged from None
            finally:
                # A thread cannot be cancelled; it looks here between two pieces.
                stopped.append(True)

    async def adopt(self, key: str, upload: Upload, measured: Measured) -> None:
        target = content_key(measured.digest)
        kept = await self.look(target)
        if kept is not None and kept.size_bytes == measured.size_bytes:
            return
        # Only if it is still what was hashed: the upload's URL is valid for a while, and its holder may use it again.
        source = CopySource(self._bucket, key, match_etag=upload.etag)
        try:
            await self._call(lambda: self._copy(target, source, measured.size_bytes))
        except _Missing:
            raise UploadChanged from None

    def _copy(self, target: str, source: CopySource, size_bytes: int) -> None:
        # A time-out in the middle of a copy would begin it again, and an artifact of gigabytes would never be kept.
        pool = PoolManager(
            num_pools=1,
            timeout=Timeout(connect=_CONNECT_TIMEOUT, read=copy_patience(size_bytes)),
            retries=Retry(0),
        )
        try:
            self._open(self._store.endpoint, pool).copy_object(self._bucket, target, source)
        finally:
            pool.clear()

    async def discard(self, key: str) -> None:
        try:
            await self._call(lambda: self._client.remove_object(self._bucket, key))
        except (_Missing, Unavailable):
            _log.info("upload could not be discarded", key=key)

    async def delete(self, keys: Sequence[str]) -> None:
        stopped: list[bool] = []
        try:
            await self._call(lambda: self._delete(keys, stopped))
        finally:
            stopped.append(True)

    def _delete(self, keys: Sequence[str], stopped: list[bool]) -> None:
        for key in keys:
            if stopped:
                return
            self._client.remove_object(self._bucket, key)

    async def ping(self) -> None:
        """Raises Unavailable unless the bucket is there."""
        if not await self._call(lambda: self._client.bucket_exists(self._bucket)):
            raise Unavailable("the bucket of artifacts is not there")

    async def close(self) -> None:
        """Let go of idle connections."""
        await asyncio.to_thread(self._pool.clear)

    def _read(self, key: str, upload: Upload, stopped: list[bool], served: bool) -> Measured:  # noqa: FBT001 -- private
        """Digest and, where it must be servable, the graph, from the same pieces: an object may have gigabytes."""
        answer = self._client.get_object(self._bucket, key, request_headers={"If-Match": f'"{upload.etag}"'})
        pieces = _Pieces(answer.stream(_CHUNK), stopped)
        try:
            flaw = onnx_flaw(pieces, upload.size_bytes) if served else ""
            pieces.drain()
        finally:
            answer.close()
            answer.release_conn()
        if pieces.size != upload.size_bytes:
            raise Unavailable("the object store cut its answer short", retry_after=1.0)
        return Measured(f"sha256:{pieces.digest}", pieces.size, flaw)

    async def _call(self, blocking: Callable[[], Answer]) -> Answer:
        try:
            return await asyncio.to_thread(blocking)
        except S3Error as error:
            if error.code in _MISSING:
                raise _Missing from None
            if error.code in _CHANGED:
                raise UploadChanged from None
            raise _away(error.code or "") from error
        except (MinioException, HTTPError, OSError) as error:
            raise _away(type(error).__name__) from error


class _Pieces:
    """The pieces of an answer, hashed as they pass. stopped: not empty when nobody waits for the result any more."""

    def __init__(self, pieces: Iterator[bytes], stopped: list[bool]) -> None:
        self._pieces = pieces
        self._stopped = stopped
        self._hashed = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        return self._hashed.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self._stopped:
                raise Unavailable("measuring was given up")
            self._hashed.update(piece)
            self.size += len(piece)
            yield piece

    def drain(self) -> None:
        for _ in self:
            pass


def copy_patience(size_bytes: int) -> float:
    """Seconds that a copy of so many bytes may take before its answer begins."""
    return _READ_TIMEOUT + size_bytes / _SLOWEST_COPY


def _away(reason: str) -> Unavailable:
    _log.warning("object store does not answer", reason=reason)
    return Unavailable("the object store does not answer", retry_after=1.0)
