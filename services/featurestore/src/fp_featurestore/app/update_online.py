"""Bring a change to the online view before the command answers, when that is quick."""

import asyncio

from fp_kernel import Error

from fp_featurestore.app.ports import LogPart, Observe, Online
from fp_featurestore.domain.view import View

_PATIENCE = 0.25


class UpdateOnline:
    """So that a caller who reads after his write mostly sees it. Best effort: `SyncOnline` brings what is missing."""

    def __init__(self, online: Online, observe: Observe) -> None:
        """observe: `followed` or `late`."""
        self._online = online
        self._observe = observe

    async def __call__(self, view: View, part: LogPart) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                if view.version == 1:
                    version = await self._online.open(view)
                else:
                    version = await self._online.apply(view, "", part)
        except (Error, TimeoutError):
            version = -1
        self._observe("followed" if version >= part.last else "late")
