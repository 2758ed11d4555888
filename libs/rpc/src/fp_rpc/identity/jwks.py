"""Public keys that verify tokens."""

import asyncio
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from types import MappingProxyType
from typing import Any, Final, Protocol
from urllib.error import HTTPError

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fp_kernel import Backoff, Clock, Loaded, LoadingCache, SystemClock, Unavailable
from fp_telemetry import get_logger
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.http import PeerHandler

_log = get_logger("fp_rpc.jwks")
_SMALLEST_KEY: Final = 2_048
_LARGEST_SET: Final = 256 * 1024
_FETCH_TIMEOUT: Final = 5.0
_FIRST_RETRY: Final = 0.5
# A service is not ready before its first set: auth that was started beside it must not be found late.
_LONGEST_RETRY: Final = 2.0


class JwksSource(Protocol):
    """The public keys of auth, by key id."""

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key of this id, None when there is no such key.

        Raises Unavailable when no key set was ever loaded.
        """
        ...


class StaticJwks:
    """jwks: a JSON Web Key Set (RFC 7517, section 5) that never changes."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self._keys = read_jwks(jwks)

    async def key(self, kid: str) -> RSAPublicKey | None:
        return self._keys.get(kid)


class HttpJwks:
    """A JSON Web Key Set behind an address: loaded at first need, cached, fetched again for an unknown key id.

    max_age: seconds after which the set is fetched again, so that a withdrawn key ends. A call whose key is in the old
    set does not wait for it.
    refetch_interval: least seconds between two fetches, so that forged key ids cannot flood auth.
    certificates: with them an https address is verified as auth's own; without, as any server's.
    While auth is away, or has a set without a single key, the last set stays in use.
    """

    def __init__(
        self,
        url: str,
        *,
        max_age: float = 600.0,
        refetch_interval: float = 10.0,
        clock: Clock | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is not an HTTP address")
        self._url = url
        self._certificates = certificates
        self._max_age = max_age
        self._interval = refetch_interval
        self._sets: LoadingCache[None, Mapping[str, RSAPublicKey]] = LoadingCache(
            clock=clock or SystemClock(), backoff=Backoff(first=_FIRST_RETRY, longest=_LONGEST_RETRY)
        )

    async def load(self) -> None:
        """Fetch the set, unless it is there already. Raises Unavailable when auth does not answer."""
        await self._sets.get(None, self._load)

    async def key(self, kid: str) -> RSAPublicKey | None:
        keys = await self._sets.get(None, self._load)
        if kid not in keys:
            keys = await self._sets.get(None, self._load, max_age=self._interval)
        return keys.get(kid)

    async def close(self) -> None:
        """End a fetch under way."""
        await self._sets.close()

    async def _load(self) -> Loaded[Mapping[str, RSAPublicKey]]:
        try:
            keys = _usable(read_jwks(await asyncio.to_thread(_fetch, self._url, self._certificates)))
        except (OSError, HTTPException, ValueError) as failure:
            _log.warning("keys that verify tokens could not be fetched", url=self._url, cause=str(failure))
            message = "the keys that verify tokens are not loaded yet"
            raise Unavailable(message, retry_after=_FIRST_RETRY) from failure
        return Loaded(keys, fresh_for=self._max_age)


def read_jwks(jwks: Mapping[str, Any]) -> Mapping[str, RSAPublicKey]:
    """The RS256 keys of a set by their ids; keys of other kinds and weak ones are left out.

    Raises ValueError when it is no key set.
    """
    entries = jwks.get("keys")
    if not isinstance(entries, list):
        raise ValueError("a key set has a list of keys")  # noqa: TRY004 -- content of a document, not a type
    return MappingProxyType({entry["kid"]: key for entry in entries if (key := _rsa(entry)) is not None})


def _usable(keys: Mapping[str, RSAPublicKey]) -> Mapping[str, RSAPublicKey]:
    """Raises ValueError for a set without keys: auth always has one, so that it is a fault and no rotation."""
    if not keys:
        raise ValueError("the set has no key that verifies RS256")
    return keys


def _rsa(entry: Mapping[str, Any]) -> RSAPublicKey | None:
    wanted = entry.get("kty") == "RSA" and entry.get("alg", "RS256") == "RS256" and entry.get("use", "sig") == "sig"
    if not wanted or not isinstance(entry.get("kid"), str):
        return None
    try:
        key = RSAAlgorithm.from_jwk(dict(entry))
    except (InvalidKeyError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _SMALLEST_KEY else None


def _fetch(url: str, certificates: Certificates | None) -> Mapping[str, Any]:
    """Blocks; ignores the proxies of the environment."""
    handlers = () if certificates is None else (PeerHandler(certificates, "auth"),)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    try:
        with opener.open(url, timeout=_FETCH_TIMEOUT) as response:
            document = orjson.loads(response.read(_LARGEST_SET))
    except HTTPError as refused:
        # Else the connection stays open for as long as the error is referenced.
        refused.close()
        raise OSError(f"HTTP status {refused.code}") from None
    if not isinstance(document, dict):
        raise ValueError("a key set is an object")  # noqa: TRY004 -- content of a document, not a type
    return document
