"""The API server, with errors of this platform."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar, cast

import httpx2
from fp_kernel import (
    AlreadyExists,
    Error,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from lightkube import ApiError, AsyncClient, KubeConfig
from lightkube.core.resource import NamespacedResource
from lightkube.types import CascadeType, PatchType

MANAGER = "forgepoint-pipeline"
"""Whose fields they are that we apply."""

T = TypeVar("T", bound=NamespacedResource)
Manifest = Mapping[str, Any]

_CONFLICT, _REFUSED, _MALFORMED = 409, (401, 403), (400, 422)
_LONGEST = 300


class Cluster:
    """Objects of one namespace.

    Calls raise fp_kernel errors: Unavailable while the API server is away, is busy, or does not let us in, which an
    operator mends while steps wait; InvalidArgument with its words for what it does not take.
    """

    def __init__(self, client: AsyncClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    @classmethod
    def connect(cls, namespace: str, *, timeout: float, config: KubeConfig | None = None) -> Self:
        """config: without it that of the pod, else KUBECONFIG. Nothing connects before the first call."""
        chosen = (config or KubeConfig.from_env()).get()
        limits = httpx2.Timeout(timeout)
        return cls(AsyncClient(chosen, namespace=namespace, timeout=limits, field_manager=MANAGER), namespace)

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, kind: type[T], name: str) -> T | None:
        try:
            with _typed(f"read {kind.__name__} {name}"):
                return await self._client.get(kind, name, namespace=self.namespace)
        except NotFound:
            return None

    async def list(self, kind: type[T], labels: Mapping[str, str]) -> Sequence[T]:
        with _typed(f"list {kind.__name__}s"):
            wanted: dict[str, Any] = dict(labels)
            found = self._client.list(kind, namespace=self.namespace, labels=wanted)
            return [each async for each in found]

    async def create(self, kind: type[T], manifest: Manifest) -> T:
        """Raises AlreadyExists."""
        with _typed(f"make {kind.__name__} {manifest['metadata']['name']}"):
            # Every kind can be made so; the types of lightkube do not say it.
            made = cast("Any", kind).from_dict(dict(manifest))
            return cast("T", await cast("Any", self._client).create(made, namespace=self.namespace))

    async def apply(self, kind: type[T], manifest: Manifest) -> T:
        """Leave the object with what the manifest says; what the manifest says no more goes."""
        name = manifest["metadata"]["name"]
        with _typed(f"apply {kind.__name__} {name}"):
            return await self._client.patch(
                kind, name, dict(manifest), namespace=self.namespace, patch_type=PatchType.APPLY, force=True
            )

    async def change(self, kind: type[T], name: str, changes: Manifest) -> T:
        """Raises NotFound."""
        with _typed(f"change {kind.__name__} {name}"):
            return await self._client.patch(
                kind, name, dict(changes), namespace=self.namespace, patch_type=PatchType.MERGE
            )

    async def delete(self, kind: type[NamespacedResource], name: str) -> None:
        """With what belongs to it; one that is not there is fine."""
        try:
            with _typed(f"delete {kind.__name__} {name}"):
                await self._client.delete(kind, name, namespace=self.namespace, cascade=CascadeType.BACKGROUND)
        except NotFound:
            return

    async def log(self, pod: str, container: str) -> Sequence[str]:
        """All lines that the node still has; it keeps some megabytes of a container.

        Raises NotFound, and InvalidArgument while the container has not started.
        """
        with _typed(f"read the log of {pod}"):
            lines = self._client.log(pod, namespace=self.namespace, container=container, newlines=False)
            return [line async for line in lines]


@contextmanager
def _typed(doing: str) -> Iterator[None]:
    try:
        yield
    except ApiError as refusal:
        raise _error(refusal, doing) from None
    except httpx2.HTTPStatusError as refusal:
        raise Unavailable(f"could not {doing}: HTTP {refusal.response.status_code}", retry_after=1.0) from None
    except (httpx2.HTTPError, OSError) as failure:
        how = type(failure).__name__
        raise Unavailable(f"the API server of Kubernetes does not answer ({how})", retry_after=1.0) from None


def _error(refusal: ApiError, doing: str) -> Error:
    code, said = refusal.status.code or 0, (refusal.status.message or "")[:_LONGEST]
    if code == httpx2.codes.NOT_FOUND:
        return NotFound(f"could not {doing}: not there")
    if code == _CONFLICT:
        return AlreadyExists(f"could not {doing}: {said}")
    if "exceeded quota" in said:
        return ResourceExhausted(f"could not {doing}: {said}", retry_after=5.0)
    if code in _MALFORMED:
        return InvalidArgument(f"could not {doing}: {said}")
    if code in _REFUSED or code == httpx2.codes.TOO_MANY_REQUESTS or code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return Unavailable(f"could not {doing}: {said}", retry_after=1.0)
    return Internal(f"could not {doing}: {said}")
