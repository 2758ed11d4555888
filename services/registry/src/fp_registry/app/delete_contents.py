"""Delete contents of the object store that no version refers to."""

import asyncio

from fp_kernel import Unavailable
from fp_telemetry import get_logger

from fp_registry.app.ports import Artifacts, ContentClaims

_AT_ONCE = 100
# Seconds for the deletions of one step; far less than the time after which another replica tries them again.
_LONGEST = 300.0

_log = get_logger(__name__)


class DeleteContents:
    """Contents are left without a version when a confirmation dies between its copy and its commit, or ends otherwise
    than it began: the model was archived meanwhile, another digest was named.

    First no confirmation may use the content any more, then it goes, then it is free again. Killed in between, a later
    run does the rest.
    """

    def __init__(self, contents: ContentClaims, artifacts: Artifacts) -> None:
        self._contents = contents
        self._artifacts = artifacts

    async def __call__(self) -> int:
        """How many went. Raises Unavailable; what was not answered is tried again after some minutes."""
        gone = 0
        while keys := await self._contents.doom(_AT_ONCE):
            try:
                async with asyncio.timeout(_LONGEST):
                    await self._artifacts.delete(keys)
            except TimeoutError:
                raise Unavailable("the object store deletes too slowly") from None
            await self._contents.forget(keys)
            gone += len(keys)
        if gone:
            _log.info("contents without a version were deleted", contents=gone)
        return gone
