"""Everything that auth can do, for its API."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_auth.app.assign_role import AssignRole
from fp_auth.app.check_permission import CheckPermission
from fp_auth.app.create_api_key import CreateApiKey
from fp_auth.app.create_user import CreateUser
from fp_auth.app.exchange_service_token import ExchangeServiceToken
from fp_auth.app.issue_job_token import IssueJobToken
from fp_auth.app.list_api_keys import ListApiKeys
from fp_auth.app.list_users import ListUsers
from fp_auth.app.login import Login
from fp_auth.app.logout import Logout
from fp_auth.app.ports import PasswordHasher, Random, Stores, TokenSigner, TokenVerifier, Transactions
from fp_auth.app.refresh import Refresh
from fp_auth.app.revoke_api_key import RevokeApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.session import IssueTokens, OpenSession
from fp_auth.app.validate_token import ResolveApiKey, ValidateToken


@dataclass(frozen=True, slots=True)
class UseCases:
    login: Login
    refresh: Refresh
    logout: Logout
    create_user: CreateUser
    list_users: ListUsers
    assign_role: AssignRole
    check_permission: CheckPermission
    create_api_key: CreateApiKey
    list_api_keys: ListApiKeys
    revoke_api_key: RevokeApiKey
    rotate_api_key: RotateApiKey
    validate_token: ValidateToken
    exchange_service_token: ExchangeServiceToken
    issue_job_token: IssueJobToken
    secret_commands: SecretCommands


def build(
    *,
    stores: Stores,
    transactions: Transactions,
    hasher: PasswordHasher,
    signer: TokenSigner,
    verifier: TokenVerifier,
    resolve_key: ResolveApiKey,
    secret_commands: SecretCommands,
    random: Random,
    clock: Clock,
) -> UseCases:
    tokens = IssueTokens(signer, random)
    return UseCases(
        login=Login(stores, transactions, hasher, OpenSession(stores, transactions, tokens, clock), clock),
        refresh=Refresh(transactions, tokens, clock),
        logout=Logout(transactions, clock),
        create_user=CreateUser(transactions, hasher, clock),
        list_users=ListUsers(stores),
        assign_role=AssignRole(transactions),
        check_permission=CheckPermission(stores),
        create_api_key=CreateApiKey(stores, transactions, random, clock),
        list_api_keys=ListApiKeys(stores),
        revoke_api_key=RevokeApiKey(transactions, clock),
        rotate_api_key=RotateApiKey(transactions, random, clock),
        validate_token=ValidateToken(verifier, resolve_key),
        exchange_service_token=ExchangeServiceToken(stores, signer, clock),
        issue_job_token=IssueJobToken(stores, signer, clock),
        secret_commands=secret_commands,
    )
