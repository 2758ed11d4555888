"""How auth knows its callers: by its own keys and tables, and ended identities by its events as in every service."""

from fp_events import Bus
from fp_events.payloads.revocation import follow_identities
from fp_postgres import Database
from fp_rpc import CredentialResolver, JwtResolver, Withdrawals
from fp_rpc.hosting import edge_proof
from fp_runtime import Runtime

from fp_auth.adapters.identity import ApiKeyIdentity, OwnIdentities
from fp_auth.adapters.keyring import Keyring
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals
from fp_auth.adapters.withdrawals import stored_withdrawals
from fp_auth.app.validate_token import ResolveApiKey
from fp_auth.settings import AuthSettings


def own_identity(
    runtime: Runtime,
    settings: AuthSettings,
    database: Database,
    bus: Bus,
    *,
    keyring: Keyring,
    resolve_key: ResolveApiKey,
) -> CredentialResolver:
    """Follows the events from now on."""
    clock = runtime.clock
    withdrawals = Withdrawals(stored_withdrawals(PostgresWithdrawals(database)), clock=clock)
    runtime.on_close(withdrawals.close)
    runtime.keep("identities", lambda: follow_identities(bus, runtime.noun, OwnIdentities(withdrawals, keyring)))
    return CredentialResolver(
        JwtResolver(settings.auth_issuer, keyring, clock),
        ApiKeyIdentity(resolve_key),
        withdrawals,
        edge_proof(settings),
    )
