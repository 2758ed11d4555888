"""Public keys that verify tokens."""

from collections.abc import Mapping
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class JwksSource(Protocol):
    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key of this id, None when there is no such key.

        Raises Unavailable when no key set was ever loaded.
        """
        ...


class StaticJwks:
    """jwks: a JSON Web Key Set (RFC 7517, section 5) that never changes."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def key(self, kid: str) -> RSAPublicKey | None:
        raise NotImplementedError


class HttpJwks:
    """url: address of a JSON Web Key Set; loaded at first need, cached, fetched again for an unknown key id."""

    def __init__(self, url: str) -> None:
        raise NotImplementedError

    async def key(self, kid: str) -> RSAPublicKey | None:
        raise NotImplementedError
