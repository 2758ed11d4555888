"""SecretService over gRPC."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from forgepoint.auth.v1 import secret_pb2 as pb
from forgepoint.auth.v1.secret_pb2_grpc import SecretServiceServicer
from fp_kernel import Command, PageRequest, invalid, page_request
from fp_kernel.secret_references import parse_secret_name
from fp_rpc import command, principal
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.app.change_secret import ChangeSecretVersion, DeleteSecret
from fp_auth.app.read_secrets import ListSecrets, ResolveSecrets
from fp_auth.app.rewrap_secrets import Rewrapped
from fp_auth.app.secret_commands import SecretCommands
from fp_auth.app.set_secret import SetSecret
from fp_auth.domain.secrets import Secret, Version

# A token is bound and not signed: its position is checked here, and not by the store.
_NUMBER = re.compile(r"[0-9]{1,9}")
_STATUS = "SECRET_VERSION_STATUS_"


class SecretServicer(SecretServiceServicer):
    """guarded: what keeps the digest of a value out of the log of commands."""

    def __init__(
        self,
        *,
        set_secret: SetSecret,
        disable: ChangeSecretVersion,
        enable: ChangeSecretVersion,
        destroy: ChangeSecretVersion,
        delete: DeleteSecret,
        list_secrets: ListSecrets,
        resolve: ResolveSecrets,
        rewraps: Sequence[Callable[[], Awaitable[Rewrapped]]],
        guarded: SecretCommands,
    ) -> None:
        self._set_secret = set_secret
        self._disable = disable
        self._enable = enable
        self._destroy = destroy
        self._delete = delete
        self._list = list_secrets
        self._resolve = resolve
        self._rewraps = rewraps
        self._guarded = guarded

    async def SetSecret(self, request: pb.SetSecretRequest, context: object) -> pb.SetSecretResponse:
        caller = principal()
        guarded = self._guarded.guarded(command(request, _set), caller)
        expected = request.expected_version if request.HasField("expected_version") else None
        with self._guarded.opened(guarded):
            version = await self._set_secret(
                caller, name=request.name, value=request.value, expected=expected, command=guarded
            )
        return _set(version)

    async def ListSecrets(self, request: pb.ListSecretsRequest, context: object) -> pb.ListSecretsResponse:
        scope = ("secrets", principal().team)
        asked = _page(request, scope)
        if asked.after:
            parse_secret_name(asked.after[0], "pagination.page_token")
        page = await self._list.secrets(principal().team, asked, scope)
        return pb.ListSecretsResponse(secrets=map(_secret, page.items), pagination=page_response(page.next_token))

    async def ListSecretVersions(
        self, request: pb.ListSecretVersionsRequest, context: object
    ) -> pb.ListSecretVersionsResponse:
        scope = ("secret-versions", principal().team, request.name)
        asked = _page(request, scope)
        if asked.after and not _NUMBER.fullmatch(asked.after[0]):
            raise invalid("pagination.page_token", "is not one of this list")
        page = await self._list.versions(principal().team, request.name, asked, scope)
        return pb.ListSecretVersionsResponse(
            versions=map(_version, page.items), pagination=page_response(page.next_token)
        )

    async def DisableSecretVersion(
        self, request: pb.DisableSecretVersionRequest, context: object
    ) -> pb.DisableSecretVersionResponse:
        def answer(version: Version) -> pb.DisableSecretVersionResponse:
            return pb.DisableSecretVersionResponse(version=_version(version))

        return answer(await self._change(self._disable, request, command(request, answer)))

    async def EnableSecretVersion(
        self, request: pb.EnableSecretVersionRequest, context: object
    ) -> pb.EnableSecretVersionResponse:
        def answer(version: Version) -> pb.EnableSecretVersionResponse:
            return pb.EnableSecretVersionResponse(version=_version(version))

        return answer(await self._change(self._enable, request, command(request, answer)))

    async def DestroySecretVersion(
        self, request: pb.DestroySecretVersionRequest, context: object
    ) -> pb.DestroySecretVersionResponse:
        def answer(version: Version) -> pb.DestroySecretVersionResponse:
            return pb.DestroySecretVersionResponse(version=_version(version))

        return answer(await self._change(self._destroy, request, command(request, answer)))

    async def DeleteSecret(self, request: pb.DeleteSecretRequest, context: object) -> pb.DeleteSecretResponse:
        key = command(request, lambda _: pb.DeleteSecretResponse())
        await self._delete(principal(), name=request.name, command=key)
        return pb.DeleteSecretResponse()

    async def ResolveSecrets(self, request: pb.ResolveSecretsRequest, context: object) -> pb.ResolveSecretsResponse:
        return pb.ResolveSecretsResponse(values=await self._resolve(principal(), request.references))

    async def RewrapSecrets(self, request: pb.RewrapSecretsRequest, context: object) -> pb.RewrapSecretsResponse:
        done = [await each() for each in self._rewraps]
        return pb.RewrapSecretsResponse(
            rewrapped=sum(each.rewrapped for each in done), unreadable=sum(each.unreadable for each in done)
        )

    async def _change(self, change: ChangeSecretVersion, request: Any, key: Command) -> Version:
        return await change(principal(), name=request.name, number=request.version, command=key)


def _page(request: Any, scope: tuple[str, ...]) -> PageRequest:
    return page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)


def _set(version: Version) -> pb.SetSecretResponse:
    return pb.SetSecretResponse(version=_version(version))


def _version(version: Version) -> pb.SecretVersion:
    return pb.SecretVersion(
        version=version.number,
        status=pb.SecretVersionStatus.Value(f"{_STATUS}{version.status}"),
        created_by=version.created_by,
        created_at=to_timestamp(version.created_at),
        changed_by=version.changed_by,
        changed_at=to_timestamp(version.changed_at),
    )


def _secret(secret: Secret) -> pb.Secret:
    return pb.Secret(
        name=secret.name,
        created_by=secret.created_by,
        created_at=to_timestamp(secret.created_at),
        latest=_version(secret.latest),
    )
