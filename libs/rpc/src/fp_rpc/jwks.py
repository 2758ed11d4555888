"""Public keys that verify tokens."""

import asyncio
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from types import MappingProxyType
from typing import Any, Final, Protocol

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fp_kernel import Clock, SystemClock, Unavailable
from fp_telemetry import get_logger
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

_log = get_logger("fp_rpc.jwks")
_SMALLEST_KEY: Final = 2_048
_LARGEST_SET: Final = 256 * 1024
_FETCH_TIMEOUT: Final = 5.0
_FIRST_RETRY: Final = 0.5


class JwksSource(Protocol):
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

    max_age: seconds after which the set is fetched again, so that a withdrawn key ends.
    refetch_interval: least seconds between two fetches, so that forged key ids cannot flood auth.
    While auth is away the last set stays in use.
    """

    def __init__(
        self, url: str, *, max_age: float = 600.0, refetch_interval: float = 10.0, clock: Clock | None = None
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is not an HTTP address")
        self._url = url
        self._max_age = max_age
        self._interval = refetch_interval
        self._clock = clock or SystemClock()
        self._keys: Mapping[str, RSAPublicKey] = MappingProxyType({})
        self._loaded_at: float | None = None
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> RSAPublicKey | None:
        found = self._keys.get(kid)
        # Whoever finds the set old renews it; everyone else goes on with what there is.
        if found is not None and (not self._is_old() or self._lock.locked()):
            return found
        async with self._lock:
            if kid not in self._keys or self._is_old():
                await self._renew()
            if self._loaded_at is None:
                raise Unavailable("the keys that verify tokens are not loaded yet", retry_after=_FIRST_RETRY)
            return self._keys.get(kid)

    def _is_old(self) -> bool:
        return self._loaded_at is None or self._clock.monotonic() - self._loaded_at > self._max_age

    async def _renew(self) -> None:
        now = self._clock.monotonic()
        if now - self._tried_at < (_FIRST_RETRY if self._loaded_at is None else self._interval):
            return
        self._tried_at = now
        try:
            self._keys = read_jwks(await asyncio.to_thread(_fetch, self._url))
        except (OSError, HTTPException, ValueError) as failure:
            _log.warning("keys that verify tokens could not be fetched", url=self._url, cause=str(failure))
        else:
            self._loaded_at = now


def read_jwks(jwks: Mapping[str, Any]) -> Mapping[str, RSAPublicKey]:
    """The RS256 keys of a set by their ids; keys of other kinds and weak ones are left out.

    Raises ValueError when it is no key set.
    """
    entries = jwks.get("keys")
    if not isinstance(entries, list):
        raise ValueError("a key set has a list of keys")  # noqa: TRY004 -- content of a document, not a type
    return MappingProxyType({entry["kid"]: key for entry in entries if (key := _rsa(entry)) is not None})


def _rsa(entry: Mapping[str, Any]) -> RSAPublicKey | None:
    wanted = entry.get("kty") == "RSA" and entry.get("alg", "RS256") == "RS256" and entry.get("use", "sig") == "sig"
    if not wanted or not isinstance(entry.get("kid"), str):
        return None
    try:
        key = RSAAlgorithm.from_jwk(dict(entry))
    except (InvalidKeyError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _SMALLEST_KEY else None


def _fetch(url: str) -> Mapping[str, Any]:
    """Blocks; goes to the address itself, whatever proxies the environment names."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=_FETCH_TIMEOUT) as response:
        document = orjson.loads(response.read(_LARGEST_SET))
    if not isinstance(document, dict):
        raise ValueError("a key set is an object")  # noqa: TRY004 -- content of a document, not a type
    return document
