"""SigningKeyService over gRPC."""

from forgepoint.auth.v1 import signing_keys_pb2 as pb
from forgepoint.auth.v1.signing_keys_pb2_grpc import SigningKeyServiceServicer
from fp_rpc import command, principal
from fp_rpc.times import to_timestamp

from fp_auth.app.ports import SigningKeys
from fp_auth.app.withdraw_signing_key import WithdrawSigningKey
from fp_auth.domain.signing import KeyLife


class SigningKeyServicer(SigningKeyServiceServicer):
    def __init__(self, keys: SigningKeys, withdraw: WithdrawSigningKey) -> None:
        self._keys = keys
        self._withdraw = withdraw

    async def ListSigningKeys(self, request: pb.ListSigningKeysRequest, context: object) -> pb.ListSigningKeysResponse:
        return pb.ListSigningKeysResponse(signing_keys=[_to_pb(key.life) for key in await self._keys.all()])

    async def WithdrawSigningKey(
        self, request: pb.WithdrawSigningKeyRequest, context: object
    ) -> pb.WithdrawSigningKeyResponse:
        withdraw = command(request, lambda _: pb.WithdrawSigningKeyResponse())
        await self._withdraw(principal(), request.kid, command=withdraw)
        return pb.WithdrawSigningKeyResponse()


def _to_pb(life: KeyLife) -> pb.SigningKey:
    return pb.SigningKey(
        kid=life.kid,
        created_at=to_timestamp(life.created_at),
        signs_from=to_timestamp(life.signs_from),
        retired_at=to_timestamp(life.retired_at),
    )
