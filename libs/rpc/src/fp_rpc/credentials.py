"""What outgoing calls show as their own identity."""

from typing import Protocol

import grpc
from fp_kernel import Clock


class Credential(Protocol):
    acts_for_others: bool

    async def token(self) -> str:
        """The bearer credential; empty for none. Raises Unavailable when it cannot be had now."""
        ...

    def refused(self, token: str) -> bool:
        """A peer refused this token; answers whether another one may be had."""
        ...


class BearerToken:
    """A fixed token or API key: for programs and tests."""

    acts_for_others = False

    def __init__(self, value: str) -> None:
        self._value = value

    async def token(self) -> str:
        return self._value

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ForwardedToken:
    """The bearer credential of the call that is being handled, as it came: for the gateway."""

    acts_for_others = False

    async def token(self) -> str:
        raise NotImplementedError

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class ServiceCredential:
    """A service's own credential, exchanged at auth for a token of role `service`, renewed ahead of its end.

    auth: address (host:port) or an open channel.
    """

    acts_for_others = True

    def __init__(self, service: str, secret: str, auth: str | grpc.aio.Channel, *, clock: Clock | None = None) -> None:
        raise NotImplementedError

    async def token(self) -> str:
        """Raises Unavailable while auth is away, Unauthenticated when auth refuses the secret."""
        raise NotImplementedError

    def refused(self, token: str) -> bool:
        raise NotImplementedError

    async def close(self) -> None:
        """Close the channel to auth, where this object opened it."""
        raise NotImplementedError
