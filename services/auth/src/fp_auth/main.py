"""auth, put together."""

import secrets

import fp_runtime
from forgepoint.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from fp_events import AuditPublisher
from fp_events.hosting import soft_bus
from fp_events.streams import AUDIT, AUTH
from fp_kernel import Clock
from fp_postgres import PRUNE_EVERY, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import CredentialResolver, JwtResolver, Server
from fp_runtime import Runtime, StartFailed

from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.adapters.identity import ApiKeyIdentity, JwtVerifier
from fp_auth.adapters.keyring import Keyring, RsaKeyFactory
from fp_auth.adapters.postgres.stores import PostgresStores, PostgresTransactions
from fp_auth.adapters.sealing import Fingerprints, NotSealedHere, Sealer
from fp_auth.api.grpc import AuthServicer
from fp_auth.api.jwks import PATH, jwks_route
from fp_auth.app import use_cases
from fp_auth.app.bootstrap import EnsureAdmin, SeedServiceCredentials
from fp_auth.app.prune import Prune
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.validate_token import ResolveApiKey
from fp_auth.bootstrap import bootstrap
from fp_auth.domain.signing import SigningPolicy
from fp_auth.settings import AuthSettings, encryption_keys, networks
from fp_auth.upkeep import RELOAD_EVERY, KeyUpkeep

NOUN = "auth"


async def serve(runtime: Runtime, settings: AuthSettings) -> None:
    clock = runtime.clock
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings.nats_url.get_secret_value())
    stores, transactions = PostgresStores(database), PostgresTransactions(database)

    secret_keys = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    keys = await _keys(settings, stores, transactions, Sealer(secret_keys, "signing-keys"), clock)
    keyring = keys.keyring

    hasher = Argon2Hasher()
    await bootstrap(
        settings, EnsureAdmin(stores, transactions, hasher, clock), SeedServiceCredentials(transactions, clock)
    )
    tokens = JwtResolver(settings.auth_issuer, keyring, clock)
    resolve_key = ResolveApiKey(stores, clock)
    do = use_cases.build(
        stores=stores,
        transactions=transactions,
        hasher=hasher,
        signer=keyring,
        verifier=JwtVerifier(tokens),
        resolve_key=resolve_key,
        secret_commands=SecretCommands(Sealer(secret_keys, "commands"), Fingerprints(secret_keys[0])),
        random=secrets.token_bytes,
        clock=clock,
    )
    server = Server(
        NOUN,
        resolver=CredentialResolver(tokens, ApiKeyIdentity(resolve_key)),
        metrics=runtime.metrics,
        audit=AuditPublisher(bus),
        reflection=settings.reflection,
    )
    trusted = networks(settings.auth_trusted_proxies)
    server.add(add_AuthServiceServicer_to_server, AuthServicer(do, jwks=lambda: keyring.jwks, trusted_proxies=trusted))
    runtime.route(PATH, jwks_route(lambda: keyring.jwks))
    runtime.keep("streams", lambda: bus.ensure((AUTH, AUDIT), ()))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database).prune)
    runtime.every(PRUNE_EVERY, "prune", Prune(transactions, clock))
    runtime.every(RELOAD_EVERY, "signing keys", keys.once)
    await runtime.serve(server)


async def _keys(
    settings: AuthSettings, stores: PostgresStores, transactions: PostgresTransactions, sealer: Sealer, clock: Clock
) -> KeyUpkeep:
    """With the keys loaded, and made when there were none."""
    policy = SigningPolicy(period=settings.signing_period)
    keyring = Keyring(stores.signing_keys, sealer, issuer=settings.auth_issuer, clock=clock)
    keys = KeyUpkeep(RotateSigningKeys(stores, transactions, RsaKeyFactory(sealer), clock, policy), keyring)
    try:
        await keys.once()
    except NotSealedHere:
        raise StartFailed("FP_AUTH_KEY_ENCRYPTION_KEY does not open the signing keys in the database") from None
    return keys


def main() -> None:
    fp_runtime.main(NOUN, AuthSettings, serve)
