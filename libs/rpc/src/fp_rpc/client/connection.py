"""Waits for a connection before a call that may be sent only once."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import grpc

from fp_rpc.retries import RetryPolicy

_POLL: Final = 0.05
_READY: Final = grpc.ChannelConnectivity.READY
# States that end soon, and whose end gRPC reports. TRANSIENT_FAILURE may last as long as the peer is away.
_PASSING: Final = frozenset((grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING))


class Connection:
    """The connection of a channel. A call that is started only once it stands cannot get lost before it leaves.

    Else every write would fail during the second in which a peer restarts, and after such a failure nobody knows
    whether the call had left.
    """

    def __init__(
        self, channel: grpc.aio.Channel, policy: RetryPolicy, roll: Callable[[], float] = random.random
    ) -> None:
        self._channel = channel
        self._policy = policy
        self._roll = roll

    def stands(self) -> bool:
        """Whether there is one; begins to connect where there is none."""
        return self._channel.get_state(try_to_connect=True) is _READY

    async def wait(self) -> None:
        """Until the connection stands, or the back-off of the policy is used up; the call then fails by itself."""
        if self.stands():
            return
        now = asyncio.get_running_loop().time
        delays = (self._policy.backoff.delay(attempt, self._roll()) for attempt in range(1, self._policy.attempts))
        until = now() + sum(delays)
        while (left := until - now()) > 0.0:
            state = self._channel.get_state(try_to_connect=True)
            if state is _READY:
                return
            if state in _PASSING:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._channel.wait_for_state_change(state)
            else:
                # Polled: the state may last for hours, and gRPC keeps every watch until it changes.
                await asyncio.sleep(min(_POLL, left))
