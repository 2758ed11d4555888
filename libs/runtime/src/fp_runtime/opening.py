"""Reaching a store that may come up a moment after the service."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from fp_kernel.backoff import Backoff
from fp_telemetry import get_logger

from fp_runtime.failures import StartFailed

T = TypeVar("T")

PATIENCE = 10.0
_BACKOFF: Final = Backoff(first=0.1, longest=1.0)
_SHORTEST_ATTEMPT = 0.1
_ATTEMPT_TIMEOUT = 5.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opening(Generic[T]):
    """How to open one dependency; `connect` is not called again once it gave a value."""

    name: str
    connect: Callable[[], Awaitable[T]]
    ping: Callable[[T], Awaitable[object]]
    close: Callable[[T], Awaitable[object]]

    async def reach(self, patience: float | None = None) -> T:
        """The value, after its first answer to `ping`.

        patience: seconds, by default PATIENCE. Raises StartFailed with the last reason when they are over.
        """
        values: list[T] = []
        try:
            return await self._reach(values, PATIENCE if patience is None else patience)
        except BaseException:
            for value in values:
                await self.close(value)
            raise

    async def _reach(self, values: list[T], patience: float) -> T:
        now = asyncio.get_running_loop().time
        deadline = now() + patience
        failures = 0
        while True:
            try:
                async with asyncio.timeout(min(_ATTEMPT_TIMEOUT, max(deadline - now(), _SHORTEST_ATTEMPT))):
                    if not values:
                        values.append(await self.connect())
                    await self.ping(values[0])
                    return values[0]
            except Exception as error:
                failures += 1
                delay = _BACKOFF.delay(failures, random.random())  # noqa: S311 -- not for secrets
                if now() + delay > deadline:
                    reason = f"{type(error).__name__}: {error}".strip(": ")
                    raise StartFailed(f"{self.name} did not answer in {patience:g} s: {reason}") from error
                _log.info("waiting for a dependency", dependency=self.name, reason=type(error).__name__)
            await asyncio.sleep(delay)
