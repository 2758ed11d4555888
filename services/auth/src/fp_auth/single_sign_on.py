"""Sign-in by other issuers, put together: people by providers, programs by people, workloads by their tokens."""

import base64
import binascii
import secrets

from fp_kernel import Unauthenticated
from fp_postgres import PRUNE_EVERY, Database, DatabaseTransactions
from fp_runtime import Runtime

from fp_auth.adapters.keyring import Keyring
from fp_auth.adapters.oidc.http import IssuerHttp
from fp_auth.adapters.oidc.issuer import Issuer, issuer_of
from fp_auth.adapters.oidc.provider import Provider
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.sealing import NotSealedHere, Sealer
from fp_auth.api.sign_in_grpc import SignInServicer, WorkloadServicer
from fp_auth.app.begin_sign_in import BeginSignIn, KnownProvider
from fp_auth.app.complete_sign_in import CompleteSignIn, Unseal
from fp_auth.app.exchange_workload_token import ExchangeWorkloadToken
from fp_auth.app.program_sign_in import BeginProgramSignIn, DecideProgramSignIn, RedeemProgramSignIn
from fp_auth.app.session import IssueTokens, OpenSession
from fp_auth.app.settle_account import SettleAccount
from fp_auth.domain.sign_in import MAX_FLOW
from fp_auth.retention import PruneSignIns
from fp_auth.settings import AuthSettings, encryption_keys
from fp_auth.sign_in_settings import IssuerSettings


def open_sign_in(runtime: Runtime, settings: AuthSettings, database: Database, keyring: Keyring) -> SignInServicer:
    clock, transactions, random = (
        runtime.clock,
        DatabaseTransactions(database, PostgresTransaction),
        secrets.token_bytes,
    )
    sealer = Sealer(encryption_keys(settings.auth_key_encryption_key.get_secret_value()), "sign-in")
    unseal, public_url = unsealing(sealer), settings.auth_public_url or ""
    providers = {each.name: _provider(runtime, each, public_url) for each in settings.auth_issuers}
    longest = {each.policy.issuer: each.policy.longest for each in providers.values()}
    runtime.every(PRUNE_EVERY, "prune sign-ins", PruneSignIns(transactions, clock))
    issue = IssueTokens(keyring, random, settings.session)
    open_session, settle = OpenSession(transactions, issue, clock), SettleAccount(transactions, clock)
    return SignInServicer(
        begin=BeginSignIn(providers, sealer, random, clock, public_url=public_url),
        complete=CompleteSignIn(providers, unseal, transactions, clock, settle=settle, open_session=open_session),
        begin_program=BeginProgramSignIn(transactions, sealer, random, clock, public_url=public_url),
        decide=DecideProgramSignIn(transactions, sealer, unseal, clock),
        redeem=RedeemProgramSignIn(transactions, unseal, open_session, clock, longest=longest),
    )


def open_workloads(runtime: Runtime, settings: AuthSettings, database: Database, keyring: Keyring) -> WorkloadServicer:
    transactions = DatabaseTransactions(database, PostgresTransaction)
    # Two mappings of one issuer share what is known of it.
    named = {each.issuer: each for each in settings.auth_workloads}
    issuers = {
        url: Issuer(url, IssuerHttp(url, each.hosts, each.ca_file), runtime.clock) for url, each in named.items()
    }
    for issuer in issuers.values():
        runtime.on_close(issuer.close)
    trusts = [each.trust for each in settings.auth_workloads]
    return WorkloadServicer(
        ExchangeWorkloadToken(trusts, issuers, transactions, keyring, runtime.clock, issuer_of=issuer_of)
    )


def _provider(runtime: Runtime, settings: IssuerSettings, public_url: str) -> KnownProvider:
    http = IssuerHttp(settings.issuer, settings.hosts, settings.ca_file)
    issuer = Issuer(settings.issuer, http, runtime.clock)
    runtime.on_close(issuer.close)
    provider = Provider(
        issuer,
        http,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        scopes=settings.scopes,
        wanted={rule.claim.partition(".")[0] for rule in settings.rules} | {"email", "name"},
        redirect_uri=f"{public_url}/login/sso/callback",
    )
    return KnownProvider(settings.policy, provider)


def unsealing(sealer: Sealer) -> Unseal:
    def unseal(text: str, name: str) -> bytes:
        try:
            return sealer.open(base64.b64decode(text[:MAX_FLOW], altchars=b"-_", validate=True), name)
        except (NotSealedHere, binascii.Error, ValueError):
            raise Unauthenticated("this was not made here, or is over; begin again", reason="NOT_SEALED") from None

    return unseal
