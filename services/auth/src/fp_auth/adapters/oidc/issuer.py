"""The metadata and keys of an issuer (OpenID Connect Discovery), and the check of its signatures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from fp_kernel import Backoff, Clock, Loaded, LoadingCache, Unavailable
from fp_telemetry import get_logger

from fp_auth.adapters.oidc.http import IssuerHttp, RefusedByIssuer
from fp_auth.domain.foreign_tokens import ALGORITHMS, MAX_TOKEN, Claims, refused

_DISCOVERY = "/.well-known/openid-configuration"
# Seconds. Metadata and keys are good for a day when the issuer is away, so that a short outage ends nothing.
_FRESH, _GOOD = 600.0, 86_400.0
# Least seconds between two fetches of keys: made-up key ids must not flood the issuer.
_REFETCH = 5.0
_MOST_KEYS = 100
_SMALLEST_RSA = 2_048
_BACKOFF = Backoff(first=0.5, longest=_REFETCH)
_UNCHECKED: Any = {
    "verify_aud": False,
    "verify_iss": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
    "verify_jti": False,
}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """algorithm: the only one that it is used for; empty when the issuer does not say."""

    public: Any
    algorithm: str


Keys = Mapping[str, Key]


class Issuer:
    """One issuer: metadata and keys loaded at first need, by one request for all who wait."""

    def __init__(self, url: str, http: IssuerHttp, clock: Clock) -> None:
        self.url = url
        self._http = http
        self._metadata: LoadingCache[None, dict[str, Any]] = LoadingCache(clock=clock, backoff=_BACKOFF)
        self._keys: LoadingCache[None, Keys] = LoadingCache(clock=clock, backoff=_BACKOFF)

    async def close(self) -> None:
        await self._metadata.close()
        await self._keys.close()
        await self._http.close()

    async def metadata(self) -> dict[str, Any]:
        """Raises Unavailable."""
        return await self._metadata.get(None, self._load_metadata)

    async def endpoint(self, name: str) -> str:
        """Raises Unavailable also when the issuer has none."""
        url = (await self.metadata()).get(name)
        if not isinstance(url, str):
            raise Unavailable(f"{self.url} has no {name}", reason="ISSUER_MISCONFIGURED")
        return self._http.check(url)

    async def claims(self, token: str) -> Claims:
        """The claims of a token that this issuer signed; who may use it and until when is for the caller to check.

        Raises Unauthenticated, Unavailable.
        """
        if len(token) > MAX_TOKEN:
            raise refused("it is too long", "TOKEN_INVALID")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise refused("it is no JSON Web Token", "TOKEN_INVALID") from None
        if header.get("alg") not in ALGORITHMS:
            raise refused("its algorithm is not allowed", "ALGORITHM_NOT_ALLOWED")
        key = await self._key(header.get("kid"))
        if key.algorithm not in ("", header["alg"]):
            raise refused("its key is for another algorithm", "ALGORITHM_NOT_ALLOWED")
        try:
            found: Claims = jwt.decode(token, key.public, algorithms=[header["alg"]], options=_UNCHECKED)
        except (jwt.PyJWTError, TypeError, ValueError):
            raise refused("its signature is wrong", "SIGNATURE_WRONG") from None
        return found

    async def _key(self, kid: object) -> Key:
        """Raises Unauthenticated when there is no such key, also after the keys were fetched again."""
        keys = await self._keys.get(None, self._load_keys)
        if _pick(keys, kid) is None:
            keys = await self._keys.get(None, self._load_keys, max_age=_REFETCH)
        found = _pick(keys, kid)
        if found is None:
            raise refused("its key is unknown", "KEY_UNKNOWN")
        return found

    async def _load_metadata(self) -> Loaded[dict[str, Any]]:
        document = await self._get(f"{self.url.rstrip('/')}{_DISCOVERY}")
        if document.get("issuer") != self.url:
            _log.warning("an issuer calls itself otherwise", issuer=self.url, says=str(document.get("issuer"))[:200])
            raise Unavailable(f"{self.url} says that it is another issuer", reason="ISSUER_MISCONFIGURED")
        return Loaded(document, fresh_for=_FRESH, good_for=_GOOD)

    async def _load_keys(self) -> Loaded[Keys]:
        return Loaded(_read(await self._get(await self.endpoint("jwks_uri"))), fresh_for=_FRESH, good_for=_GOOD)

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            return await self._http.get(url)
        except RefusedByIssuer as refusal:
            raise Unavailable(f"{self.url} does not publish its metadata or keys: {refusal}") from refusal


def _pick(keys: Keys, kid: object) -> Key | None:
    """A token without a key id is of the only key there is."""
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid) if isinstance(kid, str) else None


def _read(document: Mapping[str, Any]) -> Keys:
    entries = document.get("keys")
    found: dict[str, Key] = {}
    for number, entry in enumerate((entries if isinstance(entries, list) else [])[:_MOST_KEYS]):
        key = _parsed(entry)
        if key is not None:
            found[str(entry.get("kid") or f"#{number}")] = key
    return found


def _parsed(entry: Any) -> Key | None:
    """None for what signs nothing, for secret keys and for weak ones."""
    usable = isinstance(entry, dict) and entry.get("kty") in ("RSA", "EC", "OKP") and entry.get("use", "sig") == "sig"
    if not usable or entry.get("alg", ALGORITHMS[0]) not in ALGORITHMS:
        return None
    try:
        public = jwt.PyJWK.from_dict(entry).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    weak = entry["kty"] == "RSA" and getattr(public, "key_size", 0) < _SMALLEST_RSA
    return None if weak or "d" in entry else Key(public, entry.get("alg", ""))


def issuer_of(token: str) -> str:
    """Who a token says that it is from, unchecked; empty when it says nothing."""
    try:
        says = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.PyJWTError:
        return ""
    return says if isinstance(says, str) else ""
