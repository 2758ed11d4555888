"""Addresses behind a name: those of the replicas that are ready, where a cluster's DNS answers."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from fp_kernel import Unavailable

from fp_rpc.client.targets import Resolved

Resolve = Callable[[Resolved], Awaitable[Sequence[str]]]
_SECONDS: Final = 2.0
# Of one version: more than a step may ask for, as old and new ones stand beside each other while they are replaced.
_MOST: Final = 256


async def resolve(name: Resolved) -> Sequence[str]:
    """In a fixed order. Raises Unavailable."""
    try:
        async with asyncio.timeout(_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(name.host, name.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise Unavailable("the name of a runtime is not known now", retry_after=1.0) from error
    return sorted({_address(*entry[4][:2]) for entry in found})[:_MOST]


def _address(host: str | int, port: str | int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
