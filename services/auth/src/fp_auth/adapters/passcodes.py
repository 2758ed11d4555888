"""Codes of authenticator apps, by the implementation of RFC 6238 in `cryptography`."""

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from fp_auth.domain.second_factors import DIGITS, STEP_SECONDS

_ISSUER = "Forgepoint"


class TotpPasscodes:
    """`app.second_factor_ports.Passcodes`."""

    def code(self, secret: bytes, step: int) -> str:
        return _totp(secret).generate(step * STEP_SECONDS).decode()

    def uri(self, secret: bytes, account: str) -> str:
        return _totp(secret).get_provisioning_uri(account, _ISSUER)


def _totp(secret: bytes) -> TOTP:
    # SHA-1 is what RFC 6238 names and apps can; as an HMAC it is not broken.
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303
