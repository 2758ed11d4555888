"""New passwords at the stores while the platform runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fp_kernel.errors import Error, Unavailable

from fp_devstack.stack import Stack

_RETRY_SECONDS: Final = 5.0


class Logins:
    """give: has all stores take them and starts again who had one; may be called again until it does not raise.

    What fails half-way is gone on with, in this process until all of it is done, and by the next one at its start: who
    still has an old password would be kept out.
    """

    def __init__(self, stack: Stack, give: Callable[[], Awaitable[None]], note: Callable[[str], None]) -> None:
        self._stack = stack
        self._give = give
        self._note = note
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()

    async def renew(self) -> None:
        """While an earlier change has not ended, that one is ended. Raises Unavailable where this does not end."""
        async with self._turn:
            if not self._begun.is_set():
                await asyncio.to_thread(self._stack.make_passwords)
                self._begun.set()
            try:
                await self._end()
            except Error as error:
                self._note(f"new passwords are given again: {error.message}")
                raise Unavailable(
                    f"the new passwords are made, but not everybody has them: {error.message}",
                    metadata={"next_step": "the supervisor goes on; `fp rotate-stores` again waits for the same ones"},
                ) from error

    async def run(self) -> None:
        """Goes on with what did not end."""
        while True:
            await self._begun.wait()
            await asyncio.sleep(_RETRY_SECONDS)
            async with self._turn:
                try:
                    if self._begun.is_set():
                        await self._end()
                except Exception as error:  # noqa: BLE001 -- a full disk, several at once: the supervisor goes on
                    self._note(f"new passwords are given again: {error}")

    async def _end(self) -> None:
        await self._give()
        self._begun.clear()
