"""AuthService over gRPC: messages in, use-case, messages out."""

from collections.abc import Callable

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Unauthenticated
from fp_kernel.identity import KeyLimits
from fp_rpc import command, current_call, principal
from fp_rpc.times import from_duration, from_timestamp
from fp_rpc.tls.names import check_service

from fp_auth.api import convert
from fp_auth.app.assign_role import AssignRole
from fp_auth.app.create_api_key import CreateApiKey
from fp_auth.app.create_user import CreateUser
from fp_auth.app.exchange_service_token import ExchangeServiceToken
from fp_auth.app.issue_job_token import DEFAULT_LIFE, IssueJobToken
from fp_auth.app.login import Login
from fp_auth.app.logout import Logout
from fp_auth.app.queries import Queries
from fp_auth.app.refresh import Refresh
from fp_auth.app.revoke_api_key import RevokeApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.validate_token import ValidateToken
from fp_auth.domain.claims import AUDIENCE


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """jwks: the published keys as JSON."""

    def __init__(
        self,
        *,
        login: Login,
        refresh: Refresh,
        logout: Logout,
        create_user: CreateUser,
        assign_role: AssignRole,
        create_api_key: CreateApiKey,
        revoke_api_key: RevokeApiKey,
        rotate_api_key: RotateApiKey,
        validate_token: ValidateToken,
        exchange_service_token: ExchangeServiceToken,
        issue_job_token: IssueJobToken,
        secret_commands: SecretCommands,
        queries: Queries,
        jwks: Callable[[], str],
    ) -> None:
        self._login = login
        self._refresh = refresh
        self._logout = logout
        self._create_user = create_user
        self._assign_role = assign_role
        self._create_api_key = create_api_key
        self._revoke_api_key = revoke_api_key
        self._rotate_api_key = rotate_api_key
        self._validate_token = validate_token
        self._exchange_service_token = exchange_service_token
        self._issue_job_token = issue_job_token
        self._secret_commands = secret_commands
        self._queries = queries
        self._jwks = jwks

    async def Login(self, request: auth_pb2.LoginRequest, context: object) -> auth_pb2.LoginResponse:
        session = await self._login(
            request.email,
            request.password,
            code=request.totp_code,
            proof=request.password_proof,
            address=convert.caller_address(),
        )
        current_call().identify(convert.user_to_principal(session.user))
        return convert.login_to_pb(session)

    async def RefreshToken(
        self, request: auth_pb2.RefreshTokenRequest, context: object
    ) -> auth_pb2.RefreshTokenResponse:
        return convert.refresh_to_pb(await self._refresh(request.refresh_token))

    async def Logout(self, request: auth_pb2.LogoutRequest, context: object) -> auth_pb2.LogoutResponse:
        await self._logout(request.refresh_token)
        return auth_pb2.LogoutResponse()

    async def CreateUser(self, request: auth_pb2.CreateUserRequest, context: object) -> auth_pb2.CreateUserResponse:
        secret = self._secret_commands.guarded(command(request, convert.created_user_to_pb), principal())
        with self._secret_commands.opened(secret):
            user = await self._create_user(
                principal(),
                email=request.email,
                name=request.name,
                password=request.password,
                team=current_call().team_scope(request.team),
                command=secret,
            )
        return convert.created_user_to_pb(user)

    async def ListUsers(self, request: auth_pb2.ListUsersRequest, context: object) -> auth_pb2.ListUsersResponse:
        page = await self._queries.users(
            current_call().team_scope(request.team_filter),
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
            email=request.email,
        )
        return convert.users_to_pb(page)

    async def AssignRole(self, request: auth_pb2.AssignRoleRequest, context: object) -> auth_pb2.AssignRoleResponse:
        await self._assign_role(
            principal(),
            user_id=request.user_id,
            role_name=request.role_name,
            may_see=convert.visible_teams(),
            command=command(request, lambda _: auth_pb2.AssignRoleResponse()),
        )
        return auth_pb2.AssignRoleResponse()

    async def CheckPermission(
        self, request: auth_pb2.CheckPermissionRequest, context: object
    ) -> auth_pb2.CheckPermissionResponse:
        decision = await self._queries.permission(
            principal(), user_id=request.user_id, resource=request.resource, action=request.action
        )
        return auth_pb2.CheckPermissionResponse(allowed=decision.allowed, reason=decision.reason)

    async def CreateAPIKey(
        self, request: auth_pb2.CreateAPIKeyRequest, context: object
    ) -> auth_pb2.CreateAPIKeyResponse:
        expires_at = request.expires_at if request.HasField("expires_at") else None
        secret = self._secret_commands.guarded(command(request, convert.created_key_to_pb), principal())
        with self._secret_commands.opened(secret):
            issued = await self._create_api_key(
                principal(),
                user_id=request.user_id,
                scopes=request.scopes,
                expires_at=from_timestamp(expires_at, "expires_at") if expires_at else None,
                name=request.name,
                limits=KeyLimits(request.predictions_per_second, request.predictions_in_flight),
                command=secret,
            )
        return convert.created_key_to_pb(issued)

    async def ListAPIKeys(self, request: auth_pb2.ListAPIKeysRequest, context: object) -> auth_pb2.ListAPIKeysResponse:
        page = await self._queries.api_keys(
            principal(),
            user_id=request.user_id,
            include_revoked=request.include_revoked,
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
        )
        return convert.api_keys_to_pb(page)

    async def RevokeAPIKey(
        self, request: auth_pb2.RevokeAPIKeyRequest, context: object
    ) -> auth_pb2.RevokeAPIKeyResponse:
        revoke = command(request, lambda _: auth_pb2.RevokeAPIKeyResponse())
        await self._revoke_api_key(principal(), request.key_id, command=revoke)
        return auth_pb2.RevokeAPIKeyResponse()

    async def RotateAPIKey(
        self, request: auth_pb2.RotateAPIKeyRequest, context: object
    ) -> auth_pb2.RotateAPIKeyResponse:
        secret = self._secret_commands.guarded(command(request, convert.rotated_key_to_pb), principal())
        with self._secret_commands.opened(secret):
            issued = await self._rotate_api_key(
                principal(),
                request.key_id,
                from_duration(request.overlap, "overlap"),
                command=secret,
            )
        return convert.rotated_key_to_pb(issued)

    async def ValidateToken(
        self, request: auth_pb2.ValidateTokenRequest, context: object
    ) -> auth_pb2.ValidateTokenResponse:
        claims = await self._validate_token(request.token)
        return auth_pb2.ValidateTokenResponse(claims=convert.claims_to_pb(claims))

    async def GetCurrentUser(
        self, request: auth_pb2.GetCurrentUserRequest, context: object
    ) -> auth_pb2.GetCurrentUserResponse:
        scheme, _, credential = current_call().metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("a bearer credential is required")
        claims = await self._validate_token(credential.strip())
        return auth_pb2.GetCurrentUserResponse(claims=convert.claims_to_pb(claims))

    async def ExchangeServiceToken(
        self, request: auth_pb2.ExchangeServiceTokenRequest, context: object
    ) -> auth_pb2.ExchangeServiceTokenResponse:
        if noun := current_call().noun:
            # A stolen secret is worth nothing to another service.
            check_service(request.service, noun)
        issued = await self._exchange_service_token(request.service, request.secret, request.audience or AUDIENCE)
        return convert.service_token_to_pb(issued)

    async def IssueJobToken(
        self, request: auth_pb2.IssueJobTokenRequest, context: object
    ) -> auth_pb2.IssueJobTokenResponse:
        issued = await self._issue_job_token(
            principal(),
            execution_id=request.execution_id,
            step_id=request.step_id,
            life=from_duration(request.ttl, "ttl") if request.HasField("ttl") else DEFAULT_LIFE,
            permissions=tuple(request.permissions),
        )
        return convert.job_token_to_pb(issued)

    async def GetJWKS(self, request: auth_pb2.GetJWKSRequest, context: object) -> auth_pb2.GetJWKSResponse:
        return auth_pb2.GetJWKSResponse(jwks_json=self._jwks())
