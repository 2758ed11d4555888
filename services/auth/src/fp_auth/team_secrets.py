"""The secrets of teams, put together."""

from fp_kernel import Clock
from fp_postgres import Database, DatabaseTransactions
from fp_runtime import StartFailed
from fp_sealing import Envelope, KeyRing, keys_of_file

from fp_auth.adapters.postgres.second_factors import PostgresSecondFactorReads
from fp_auth.adapters.postgres.secrets import PostgresSecretReads, PostgresSecretTransaction
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.sealing import Fingerprints, Sealer, derive
from fp_auth.api.secret_grpc import SecretServicer
from fp_auth.app.change_secret import ChangeSecretVersion, DeleteSecret
from fp_auth.app.read_secrets import ListSecrets, ResolveSecrets
from fp_auth.app.rewrap_second_factors import RewrapSecondFactors
from fp_auth.app.rewrap_secrets import RewrapSecrets
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.set_secret import SetSecret
from fp_auth.domain.secrets import VersionStatus
from fp_auth.settings import AuthSettings, encryption_keys


def open_team_secrets(settings: AuthSettings, database: Database, clock: Clock) -> SecretServicer:
    """Raises StartFailed for a file of keys that cannot be used."""
    own = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    transactions, reads = DatabaseTransactions(database, PostgresSecretTransaction), PostgresSecretReads(database)
    keys, envelope = wrapping_keys(settings), Envelope()
    return SecretServicer(
        set_secret=SetSecret(transactions, keys, envelope, clock),
        disable=ChangeSecretVersion(transactions, clock, VersionStatus.DISABLED),
        enable=ChangeSecretVersion(transactions, clock, VersionStatus.ENABLED),
        destroy=ChangeSecretVersion(transactions, clock, VersionStatus.DESTROYED),
        delete=DeleteSecret(transactions, clock),
        list_secrets=ListSecrets(reads),
        resolve=ResolveSecrets(reads, keys, envelope),
        rewraps=(
            RewrapSecrets(reads, transactions, keys),
            RewrapSecondFactors(
                PostgresSecondFactorReads(database), DatabaseTransactions(database, PostgresTransaction), keys
            ),
        ),
        guarded=SecretCommands(Sealer(own, "commands"), Fingerprints(own[0])),
    )


def wrapping_keys(settings: AuthSettings) -> KeyRing:
    """Around every data key. Raises StartFailed for a file of keys that cannot be used."""
    keys = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    if settings.auth_secrets_keys_file is not None:
        try:
            keys = keys_of_file(settings.auth_secrets_keys_file)
        except ValueError as problem:
            raise StartFailed(f"FP_AUTH_SECRETS_KEYS_FILE {problem}") from None
    return KeyRing([derive(key, "secrets") for key in keys])
