"""Everything that auth can do, for its API."""

from dataclasses import dataclass

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
from fp_auth.app.refresh import Refresh
from fp_auth.app.revoke_api_key import RevokeApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.validate_token import ValidateToken


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
