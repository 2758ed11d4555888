"""Builds what programs and files may: service accounts, roles of teams, signing keys, declared objects."""

import secrets
from dataclasses import dataclass

from fp_kernel import Clock
from fp_postgres import Database, DatabaseTransactions
from fp_rpc import Server

from fp_auth.adapters.postgres.declarations import PostgresDeclaredObjects
from fp_auth.adapters.postgres.roles import PostgresTeamRoles
from fp_auth.adapters.postgres.service_accounts import PostgresServiceAccounts
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.sealing import Fingerprints, Sealer
from fp_auth.api.declarations_grpc import DeclarationServicer
from fp_auth.api.programs_grpc import add_programs
from fp_auth.api.roles_grpc import RoleServicer
from fp_auth.api.service_accounts_grpc import ServiceAccountServicer
from fp_auth.api.signing_keys_grpc import SigningKeyServicer
from fp_auth.app.change_service_account import ChangeServiceAccount
from fp_auth.app.create_service_account import CreateServiceAccount
from fp_auth.app.create_service_account_key import CreateServiceAccountKey
from fp_auth.app.declarations import ListDeclaredObjects, RecordDeclaredObjects
from fp_auth.app.end_service_account import DeleteServiceAccount, DisableServiceAccount, EnableServiceAccount
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.service_account_queries import ServiceAccountQueries
from fp_auth.app.team_roles import ChangeTeamRole, CreateTeamRole, DeleteTeamRole, ListTeamRoles
from fp_auth.app.withdraw_signing_key import WithdrawSigningKey
from fp_auth.settings import AuthSettings, encryption_keys
from fp_auth.signing_keys import SigningKeyring


@dataclass(frozen=True, slots=True)
class Programs:
    service_accounts: ServiceAccountServicer
    roles: RoleServicer
    signing_keys: SigningKeyServicer
    declarations: DeclarationServicer

    def add_to(self, server: Server) -> None:
        add_programs(server, self.service_accounts, self.roles, self.signing_keys, self.declarations)


def build_programs(settings: AuthSettings, database: Database, signing: SigningKeyring, clock: Clock) -> Programs:
    transactions = DatabaseTransactions(database, PostgresTransaction)
    roles = RoleServicer(
        create=CreateTeamRole(transactions, clock),
        change=ChangeTeamRole(transactions, clock),
        delete=DeleteTeamRole(transactions),
        list_roles=ListTeamRoles(PostgresTeamRoles(database)),
    )
    withdraw = WithdrawSigningKey(transactions, signing.rotate, signing.keyring.reload, clock)
    keys = SigningKeyServicer(PostgresSigningKeys(database), withdraw)
    declarations = DeclarationServicer(
        record=RecordDeclaredObjects(transactions, clock),
        list_objects=ListDeclaredObjects(PostgresDeclaredObjects(database)),
    )
    return Programs(_service_accounts(settings, database, clock), roles, keys, declarations)


def _service_accounts(settings: AuthSettings, database: Database, clock: Clock) -> ServiceAccountServicer:
    transactions = DatabaseTransactions(database, PostgresTransaction)
    secret_keys = encryption_keys(settings.auth_key_encryption_key.get_secret_value())
    longest = settings.api_key_life
    return ServiceAccountServicer(
        create=CreateServiceAccount(transactions, clock),
        change=ChangeServiceAccount(transactions),
        disable=DisableServiceAccount(transactions, clock),
        enable=EnableServiceAccount(transactions, clock),
        delete=DeleteServiceAccount(transactions, clock),
        create_key=CreateServiceAccountKey(transactions, secrets.token_bytes, clock, longest=longest),
        secret_commands=SecretCommands(Sealer(secret_keys, "commands"), Fingerprints(secret_keys[0])),
        queries=ServiceAccountQueries(PostgresServiceAccounts(database)),
    )
