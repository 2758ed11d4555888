"""auth, put together."""

import secrets

import fp_runtime
from forgepoint.auth.v1.audit_pb2_grpc import add_AuditServiceServicer_to_server
from forgepoint.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from forgepoint.auth.v1.invitations_pb2_grpc import add_InvitationServiceServicer_to_server
from forgepoint.auth.v1.people_pb2_grpc import add_PeopleServiceServicer_to_server
from forgepoint.auth.v1.second_factor_pb2_grpc import add_SecondFactorServiceServicer_to_server
from forgepoint.auth.v1.secret_pb2_grpc import add_SecretServiceServicer_to_server
from forgepoint.auth.v1.sign_in_pb2_grpc import add_SignInServiceServicer_to_server
from forgepoint.auth.v1.teams_pb2_grpc import add_TeamServiceServicer_to_server
from forgepoint.auth.v1.withdrawals_pb2_grpc import add_WithdrawalServiceServicer_to_server
from forgepoint.auth.v1.workloads_pb2_grpc import add_WorkloadServiceServicer_to_server
from fp_events import each
from fp_events.hosting import soft_bus
from fp_events.streams import AUDIT, AUTH, PIPELINES
from fp_kernel import Clock
from fp_postgres import PRUNE_EVERY, Database, DatabaseTransactions, OutboxRelay, Pruner
from fp_postgres.hosting import hard_database
from fp_rpc import Server, ServerPolicy
from fp_runtime import Runtime

from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.adapters.guesses import password_policy
from fp_auth.adapters.identity import JwtVerifier
from fp_auth.adapters.keyring import Keyring
from fp_auth.adapters.postgres.api_keys import PostgresApiKeys
from fp_auth.adapters.postgres.roles import PostgresRoles
from fp_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from fp_auth.adapters.postgres.service_credentials import PostgresServiceCredentials
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals
from fp_auth.adapters.sealing import Fingerprints, Sealer
from fp_auth.api.consumers import AUDIT_LOG, EXECUTIONS, end_execution
from fp_auth.api.grpc import AuthServicer
from fp_auth.api.jwks import PATH, jwks_route
from fp_auth.api.withdrawals_grpc import WithdrawalServicer
from fp_auth.app.assign_role import AssignRole
from fp_auth.app.create_api_key import CreateApiKey
from fp_auth.app.create_user import CreateUser
from fp_auth.app.end_execution import EndExecution
from fp_auth.app.exchange_service_token import ExchangeServiceToken
from fp_auth.app.issue_job_token import IssueJobToken
from fp_auth.app.login import Login
from fp_auth.app.logout import Logout
from fp_auth.app.queries import Queries
from fp_auth.app.refresh import Refresh
from fp_auth.app.revoke_api_key import RevokeApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.seed_service_credentials import SeedServiceCredentials
from fp_auth.app.session import IssueTokens
from fp_auth.app.validate_token import ResolveApiKey, ValidateToken
from fp_auth.audit_log import open_audit_log, own_audit
from fp_auth.first_operator import ensure_first_operator
from fp_auth.identities import own_identity
from fp_auth.logins import open_logins
from fp_auth.people import people, teams
from fp_auth.programs import build_programs
from fp_auth.retention import Prune
from fp_auth.service_scopes import service_scopes
from fp_auth.settings import AuthSettings, credentials, encryption_keys
from fp_auth.signing_keys import open_keyring
from fp_auth.single_sign_on import open_sign_in, open_workloads
from fp_auth.team_secrets import open_team_secrets

NOUN = "auth"


async def serve(runtime: Runtime, settings: AuthSettings) -> None:
    clock = runtime.clock
    database = await hard_database(runtime, settings.database_url.get_secret_value())
    bus = await soft_bus(runtime, settings)
    hasher, users, transactions = (
        Argon2Hasher(),
        PostgresUsers(database),
        DatabaseTransactions(database, PostgresTransaction),
    )
    signing = await open_keyring(runtime, settings, database)
    keyring = signing.keyring
    resolve_key = ResolveApiKey(PostgresApiKeys(database), PostgresServiceAccounts(database), clock)
    identity = own_identity(runtime, settings, database, bus, keyring=keyring, resolve_key=resolve_key)
    await SeedServiceCredentials(transactions, clock)(credentials(settings.auth_service_credentials))
    await ensure_first_operator(settings, users, transactions, hasher, clock)
    sink, metrics, policy = own_audit(settings, bus), runtime.metrics, ServerPolicy.of(settings)
    server = Server(NOUN, resolver=identity, metrics=metrics, audit=sink, policy=policy, reflection=settings.reflection)
    logins = open_logins(settings, database, keyring, hasher, clock)
    validate = ValidateToken(JwtVerifier(identity), resolve_key)
    servicer = _servicer(settings, database, keyring, validate, login=logins.login, hasher=hasher, clock=clock)
    server.add(add_AuthServiceServicer_to_server, servicer)
    server.add(add_SecondFactorServiceServicer_to_server, logins.second_factors)
    accounts, invitations = people(runtime, settings, database, keyring, verify=logins.verify, hasher=hasher)
    server.add(add_PeopleServiceServicer_to_server, accounts)
    server.add(add_InvitationServiceServicer_to_server, invitations)
    server.add(add_TeamServiceServicer_to_server, teams(database, clock))
    withdrawals = WithdrawalServicer(PostgresWithdrawals(database), identity.withdrawals)
    server.add(add_WithdrawalServiceServicer_to_server, withdrawals)
    build_programs(settings, database, signing, clock).add_to(server)
    server.add(add_AuditServiceServicer_to_server, await open_audit_log(runtime, settings, database, bus))
    server.add(add_SignInServiceServicer_to_server, open_sign_in(runtime, settings, database, keyring))
    server.add(add_WorkloadServiceServicer_to_server, open_workloads(runtime, settings, database, keyring))
    server.add(add_SecretServiceServicer_to_server, open_team_secrets(settings, database, clock))
    runtime.route(PATH, jwks_route(lambda: keyring.jwks))
    runtime.keep("streams", lambda: bus.ensure((AUTH, AUDIT, PIPELINES), (AUDIT_LOG, EXECUTIONS)))
    runtime.keep("outbox", OutboxRelay(database, bus, holder=NOUN, metrics=runtime.metrics).run)
    runtime.every(PRUNE_EVERY, "retention", Pruner(database, consumers=(AUDIT_LOG, EXECUTIONS)).prune)
    runtime.every(PRUNE_EVERY, "prune", Prune(transactions, clock))
    runtime.keep("executions", lambda: bus.consume(EXECUTIONS, each(end_execution(EndExecution(transactions, clock)))))
    await runtime.serve(server)


def _servicer(
    settings: AuthSettings,
    database: Database,
    keyring: Keyring,
    validate_token: ValidateToken,
    *,
    login: Login,
    hasher: Argon2Hasher,
    clock: Clock,
) -> AuthServicer:
    transactions, random = DatabaseTransactions(database, PostgresTransaction), secrets.token_bytes
    users, roles, api_keys = PostgresUsers(database), PostgresRoles(database), PostgresApiKeys(database)
    secret_keys = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    known, longest = PostgresServiceCredentials(database), settings.api_key_life
    return AuthServicer(
        login=login,
        refresh=Refresh(transactions, IssueTokens(keyring, random, settings.session), clock),
        logout=Logout(transactions, clock),
        create_user=CreateUser(roles, transactions, password_policy(), hasher, clock),
        assign_role=AssignRole(transactions),
        create_api_key=CreateApiKey(users, roles, transactions, random, clock, longest=longest),
        revoke_api_key=RevokeApiKey(transactions, clock),
        rotate_api_key=RotateApiKey(transactions, random, clock, longest=longest),
        validate_token=validate_token,
        exchange_service_token=ExchangeServiceToken(known, service_scopes(), keyring, clock, life=settings.access_life),
        issue_job_token=IssueJobToken(roles, transactions, keyring, clock),
        secret_commands=SecretCommands(Sealer(secret_keys, "commands"), Fingerprints(secret_keys[0])),
        queries=Queries(users, roles, api_keys),
        jwks=lambda: keyring.jwks,
    )


def main() -> None:
    fp_runtime.main(NOUN, AuthSettings, serve)
