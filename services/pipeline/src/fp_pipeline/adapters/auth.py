"""Tokens for jobs and values of secrets, from auth over gRPC."""

from collections.abc import Sequence

import grpc
from forgepoint.auth.v1 import auth_pb2 as pb
from forgepoint.auth.v1.auth_pb2_grpc import AuthServiceStub
from forgepoint.auth.v1.secret_pb2_grpc import SecretServiceStub
from fp_rpc import acting_for
from fp_rpc.secret_values import SecretValues
from fp_rpc.times import to_duration

from fp_pipeline.app.peers import Actor


class GrpcJobTokens:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AuthServiceStub(channel)

    async def issue(
        self, actor: Actor, execution_id: str, step_id: str, ttl: float, permissions: Sequence[str] = ()
    ) -> str:
        request = pb.IssueJobTokenRequest(
            execution_id=execution_id, step_id=step_id, ttl=to_duration(ttl), permissions=permissions
        )
        with acting_for(actor.team, actor.user_id):
            return (await self._stub.IssueJobToken(request)).access_token


def secret_values(channel: grpc.aio.Channel) -> SecretValues:
    return SecretValues(SecretServiceStub(channel).ResolveSecrets)
