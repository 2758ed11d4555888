"""The signing keys, put together."""

from dataclasses import dataclass

from fp_postgres import Database, DatabaseTransactions
from fp_runtime import Runtime, StartFailed
from fp_telemetry import get_logger

from fp_auth.adapters.keyring import Keyring, RsaKeyFactory
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.sealing import NotSealedHere, Sealer
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_auth.domain.signing import SigningPolicy
from fp_auth.settings import AuthSettings, encryption_keys

# Seconds; a replica signs with a key that another one retired for so long at most.
_RELOAD_EVERY = 30.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKeyring:
    """keyring: of this replica. rotate: changes the keys of all of them."""

    keyring: Keyring
    rotate: RotateSigningKeys


async def open_keyring(runtime: Runtime, settings: AuthSettings, database: Database) -> SigningKeyring:
    """With its keys loaded, made when there were none, and rotated from now on.

    Every replica rotates; a lock in the database makes two at once harmless.
    """
    sealer = Sealer(encryption_keys(settings.auth_key_encryption_key.get_secret_value()), "signing-keys")
    keys, policy = PostgresSigningKeys(database), SigningPolicy(period=settings.signing_period)
    keyring = Keyring(keys, sealer, issuer=settings.auth_issuer, clock=runtime.clock)
    rotate = RotateSigningKeys(
        keys, DatabaseTransactions(database, PostgresTransaction), RsaKeyFactory(sealer), runtime.clock, policy
    )

    async def refresh() -> None:
        if await rotate():
            _log.info("signing keys changed")
        await keyring.reload()

    try:
        await refresh()
    except NotSealedHere:
        raise StartFailed("FP_AUTH_KEY_ENCRYPTION_KEY does not open the signing keys in the database") from None
    runtime.every(_RELOAD_EVERY, "signing keys", refresh)
    return SigningKeyring(keyring, rotate)
