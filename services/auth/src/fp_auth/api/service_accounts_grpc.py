"""ServiceAccountService over gRPC."""

from forgepoint.auth.v1 import service_accounts_pb2 as pb
from forgepoint.auth.v1.service_accounts_pb2_grpc import ServiceAccountServiceServicer
from fp_kernel.identity import KeyLimits
from fp_rpc import caller, command
from fp_rpc.pagination import page_response
from fp_rpc.times import from_timestamp, to_timestamp

from fp_auth.api.convert import api_key_to_pb
from fp_auth.app.change_service_account import ChangeServiceAccount
from fp_auth.app.create_api_key import IssuedKey
from fp_auth.app.create_service_account import CreateServiceAccount
from fp_auth.app.create_service_account_key import CreateServiceAccountKey
from fp_auth.app.end_service_account import DeleteServiceAccount, DisableServiceAccount, EnableServiceAccount
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.service_account_queries import ServiceAccountQueries
from fp_auth.domain.service_accounts import ServiceAccount


class ServiceAccountServicer(ServiceAccountServiceServicer):
    def __init__(
        self,
        *,
        create: CreateServiceAccount,
        change: ChangeServiceAccount,
        disable: DisableServiceAccount,
        enable: EnableServiceAccount,
        delete: DeleteServiceAccount,
        create_key: CreateServiceAccountKey,
        secret_commands: SecretCommands,
        queries: ServiceAccountQueries,
    ) -> None:
        self._create = create
        self._change = change
        self._disable = disable
        self._enable = enable
        self._delete = delete
        self._create_key = create_key
        self._secret_commands = secret_commands
        self._queries = queries

    async def CreateServiceAccount(
        self, request: pb.CreateServiceAccountRequest, context: object
    ) -> pb.CreateServiceAccountResponse:
        account = await self._create(
            caller(),
            name=request.name,
            description=request.description,
            scopes=request.scopes,
            command=command(request, _created),
        )
        return _created(account)

    async def GetServiceAccount(
        self, request: pb.GetServiceAccountRequest, context: object
    ) -> pb.GetServiceAccountResponse:
        return pb.GetServiceAccountResponse(service_account=_to_pb(await self._queries.account(caller(), request.id)))

    async def ListServiceAccounts(
        self, request: pb.ListServiceAccountsRequest, context: object
    ) -> pb.ListServiceAccountsResponse:
        asked = request.pagination
        page = await self._queries.accounts(caller(), page_size=asked.page_size, page_token=asked.page_token)
        return pb.ListServiceAccountsResponse(
            service_accounts=[_to_pb(each) for each in page.items], pagination=page_response(page.next_token)
        )

    async def UpdateServiceAccount(
        self, request: pb.UpdateServiceAccountRequest, context: object
    ) -> pb.UpdateServiceAccountResponse:
        account = await self._change(
            caller(),
            request.id,
            description=request.description,
            scopes=request.scopes,
            command=command(request, _changed),
        )
        return _changed(account)

    async def DisableServiceAccount(
        self, request: pb.DisableServiceAccountRequest, context: object
    ) -> pb.DisableServiceAccountResponse:
        return _disabled(await self._disable(caller(), request.id, command=command(request, _disabled)))

    async def EnableServiceAccount(
        self, request: pb.EnableServiceAccountRequest, context: object
    ) -> pb.EnableServiceAccountResponse:
        return _enabled(await self._enable(caller(), request.id, command=command(request, _enabled)))

    async def DeleteServiceAccount(
        self, request: pb.DeleteServiceAccountRequest, context: object
    ) -> pb.DeleteServiceAccountResponse:
        delete = command(request, lambda _: pb.DeleteServiceAccountResponse())
        await self._delete(caller(), request.id, command=delete)
        return pb.DeleteServiceAccountResponse()

    async def CreateServiceAccountKey(
        self, request: pb.CreateServiceAccountKeyRequest, context: object
    ) -> pb.CreateServiceAccountKeyResponse:
        expires_at = request.expires_at if request.HasField("expires_at") else None
        secret = self._secret_commands.guarded(command(request, _issued), caller())
        with self._secret_commands.opened(secret):
            issued = await self._create_key(
                caller(),
                account_id=request.service_account_id,
                scopes=request.scopes,
                expires_at=from_timestamp(expires_at, "expires_at") if expires_at else None,
                name=request.name,
                limits=KeyLimits(request.predictions_per_second, request.predictions_in_flight),
                command=secret,
            )
        return _issued(issued)

    async def ListServiceAccountKeys(
        self, request: pb.ListServiceAccountKeysRequest, context: object
    ) -> pb.ListServiceAccountKeysResponse:
        page = await self._queries.keys(
            caller(),
            account_id=request.service_account_id,
            include_revoked=request.include_revoked,
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
        )
        return pb.ListServiceAccountKeysResponse(
            api_keys=[api_key_to_pb(key) for key in page.items], pagination=page_response(page.next_token)
        )


def _to_pb(account: ServiceAccount) -> pb.ServiceAccount:
    return pb.ServiceAccount(
        id=account.id,
        team=account.team,
        name=account.name,
        description=account.description,
        scopes=sorted(account.scopes),
        created_by=account.created_by,
        created_at=to_timestamp(account.created_at),
        disabled_at=to_timestamp(account.disabled_at),
    )


def _created(account: ServiceAccount) -> pb.CreateServiceAccountResponse:
    return pb.CreateServiceAccountResponse(service_account=_to_pb(account))


def _changed(account: ServiceAccount) -> pb.UpdateServiceAccountResponse:
    return pb.UpdateServiceAccountResponse(service_account=_to_pb(account))


def _disabled(account: ServiceAccount) -> pb.DisableServiceAccountResponse:
    return pb.DisableServiceAccountResponse(service_account=_to_pb(account))


def _enabled(account: ServiceAccount) -> pb.EnableServiceAccountResponse:
    return pb.EnableServiceAccountResponse(service_account=_to_pb(account))


def _issued(issued: IssuedKey) -> pb.CreateServiceAccountKeyResponse:
    return pb.CreateServiceAccountKeyResponse(raw_key=issued.raw_key, api_key=api_key_to_pb(issued.key))
