"""Artifacts in the object store."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain

from fp_kernel import InvalidArgument, NotFound, Unavailable
from fp_kernel.ensembles import FIRST, MOST_BYTES, Ensemble, read
from fp_kernel.warm_ups import read_samples
from fp_onnx import MAX_FILE_BYTES, Unreadable, declared, read_artifact, refusal
from fp_s3 import ObjectChanged, ObjectFacts, ObjectStore, Pieces
from fp_telemetry import get_logger

from fp_registry.app.ports import Upload, UploadChanged
from fp_registry.domain.artifact import Measured, content_key

_log = get_logger(__name__)


class ObjectArtifacts:
    """`app.ports.Artifacts`. measuring: uploads that are read at the same time, at most."""

    def __init__(self, objects: ObjectStore, *, measuring: int = 2) -> None:
        self._objects = objects
        self._measuring = asyncio.Semaphore(measuring)

    def upload_url(self, key: str, ttl: timedelta) -> str:
        return self._objects.upload_url(key, ttl)

    def download_url(self, key: str, ttl: timedelta) -> str:
        return self._objects.download_url(key, ttl)

    async def look(self, key: str) -> Upload | None:
        found = await self._objects.find(key)
        return Upload(found.etag, found.size_bytes) if found else None

    async def measure(self, key: str, upload: Upload, *, served: bool) -> Measured:
        async with self._measuring:
            try:
                return await self._objects.scan(key, lambda pieces: _measured(pieces, served=served), etag=upload.etag)
            except (NotFound, ObjectChanged):
                raise UploadChanged from None

    async def adopt(self, key: str, upload: Upload, measured: Measured) -> None:
        target = content_key(measured.digest)
        stored = await self.look(target)
        if stored is not None and stored.size_bytes == measured.size_bytes:
            return
        try:
            # Only if it is still what was measured: the upload's URL stays valid, and its holder may use it again.
            await self._objects.copy(key, target, ObjectFacts(upload.etag, measured.size_bytes))
        except (NotFound, ObjectChanged):
            raise UploadChanged from None

    async def discard(self, key: str) -> None:
        try:
            await self._objects.delete([key])
        except Unavailable:
            _log.info("upload could not be discarded", key=key)

    async def delete(self, keys: Sequence[str]) -> None:
        await self._objects.delete(keys)


def _measured(pieces: Pieces, *, served: bool) -> Measured:
    """Digest and, where it must be servable, the graph, from the same pieces: an object may have gigabytes."""
    hashed = _Hashed(pieces)
    flaw, ensemble = examine(hashed, pieces.size_bytes) if served else ("", None)
    for _ in hashed:
        continue
    return Measured(f"sha256:{hashed.digest}", pieces.size_bytes, flaw, ensemble)


class _Hashed:
    """Pieces, hashed as they pass; whoever goes on reads behind what was read before."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = iter(pieces)
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._sha256.update(piece)
            yield piece


def examine(pieces: Iterable[bytes], size_bytes: int) -> tuple[str, Ensemble | None]:
    """What is wrong with the artifact, for people, empty when a runtime may serve it; and the ensemble that it is.

    It may leave pieces unread.
    """
    waiting = iter(pieces)
    first = next(waiting, b"")
    if not first.startswith(FIRST):
        return _onnx_flaw(chain([first], waiting), size_bytes), None
    if size_bytes > MOST_BYTES:
        return f"the uploaded ensemble has {size_bytes} bytes, at most {MOST_BYTES} are taken", None
    try:
        return "", read(b"".join(chain([first], waiting)))
    except InvalidArgument as error:
        return f"the uploaded artifact is no ensemble: {error.message}", None


def _onnx_flaw(pieces: Iterable[bytes], size_bytes: int) -> str:
    try:
        artifact = read_artifact(pieces, with_nodes=False)
    except Unreadable as error:
        return f"the uploaded artifact is no ONNX model: {error}"
    if not artifact.files and size_bytes > MAX_FILE_BYTES:
        return f"the uploaded artifact has {size_bytes} bytes, an ONNX file has at most {MAX_FILE_BYTES}"
    flaw = refusal(artifact.model, artifact.files)
    if flaw:
        return f"the uploaded model cannot be served: it {flaw}"
    try:
        if artifact.warm_up is not None:
            read_samples(artifact.warm_up, declared(artifact.model).inputs)
    except InvalidArgument as error:
        return f"the samples of the uploaded model do not fit it: {error.message}"
    return ""
