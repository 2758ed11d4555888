"""A race of grpcio: when a server ends a call before it has read the stream, a write that then fails takes the place of
the server's status (https://github.com/grpc/grpc/issues/36066).
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

_HIDDEN = "Internal error from Core"
_ATTEMPTS = 20

Answer = TypeVar("Answer")


async def answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """What the call answers; made again while its status is hidden. Raises AioRpcError with the server's status."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.details() != _HIDDEN:
                raise
    return await call()
