"""Checks of the claims of a token that another issuer signed; its signature was checked before."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fp_kernel import Unauthenticated

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key pair; `none` and HS*, whose key would be public or shared, are not among them."""
MAX_TOKEN = 16_384
_LEEWAY = 60.0  # seconds that clocks may differ
_LONGEST_LIFE = 366 * 86_400.0
_MAX_SUBJECT = 255  # OpenID Connect Core, section 2

Claims = Mapping[str, Any]


def check_token(claims: Claims, *, issuer: str, audience: str, now: datetime) -> str:
    """The subject. Raises Unauthenticated, each fault with a reason of its own."""
    if claims.get("iss") != issuer:
        raise refused("it is of another issuer", "ISSUER_WRONG")
    if audience not in audiences(claims):
        raise refused("it is meant for another audience", "AUDIENCE_WRONG")
    _check_times(claims, now.timestamp())
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise refused("it names nobody", "TOKEN_INVALID")
    return subject


def check_id_token(claims: Claims, *, issuer: str, client_id: str, nonce: str, now: datetime) -> str:
    """The subject, by OpenID Connect Core, section 3.1.3.7. Raises Unauthenticated."""
    subject = check_token(claims, issuer=issuer, audience=client_id, now=now)
    party = claims.get("azp")
    if (party is not None or len(audiences(claims)) > 1) and party != client_id:
        raise refused("it was issued to another client", "AUDIENCE_WRONG")
    if claims.get("nonce") != nonce:
        raise refused("it belongs to another sign-in", "NONCE_WRONG")
    return subject


def audiences(claims: Claims) -> Sequence[str]:
    named = claims.get("aud")
    listed = named if isinstance(named, list) else [named]
    return [each for each in listed if isinstance(each, str)]


def values_of(claims: Claims, name: str) -> frozenset[str]:
    """The texts of a claim that is one or a list of them; a dot leads into an object, as in `realm_access.roles`."""
    found: Any = claims
    for part in [name] if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return frozenset((str(found).lower(),))
    listed = found if isinstance(found, list) else [found]
    return frozenset(str(each) for each in listed if isinstance(each, (str, int)))


def refused(why: str, reason: str) -> Unauthenticated:
    return Unauthenticated(f"the token of the other issuer is refused: {why}", reason=reason)


def _check_times(claims: Claims, now: float) -> None:
    ends, issued = claims.get("exp"), claims.get("iat")
    begins = claims.get("nbf", issued)
    # A bool is an int, and no time.
    if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (ends, issued, begins)):
        raise refused("it does not say from when to when it is good", "TOKEN_INVALID")
    if float(ends or 0) > now + _LONGEST_LIFE:
        raise refused("it says that it lives too long", "TOKEN_INVALID")
    if now >= float(ends or 0) + _LEEWAY:
        raise refused("it has expired", "TOKEN_EXPIRED")
    if max(float(issued or 0), float(begins or 0)) > now + _LEEWAY:
        raise refused("it is not valid yet", "TOKEN_INVALID")
