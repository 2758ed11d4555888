"""The process that hosts a dependency, as libraries see it."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Host(Protocol):
    """The part of `fp_runtime.Runtime` that libraries may use without importing it."""

    @property
    def noun(self) -> str:
        """Of the service."""

    async def hard(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """Open what the service is not ready without."""

    async def soft(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """Open what may be away: the service says `degraded`."""

    def on_close(self, callback: Callable[[], Awaitable[object]]) -> None:
        """Call it at the stop, in the reverse order of registration."""
