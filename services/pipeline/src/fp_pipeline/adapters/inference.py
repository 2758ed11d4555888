"""Traffic splits at the inference service, over gRPC."""

import grpc
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceStub
from fp_kernel import NotFound
from fp_kernel.revisions import NOTHING
from fp_rpc import acting_for

from fp_pipeline.app.peers import Actor
from fp_pipeline.domain.traffic import Split, Weights


class GrpcTraffic:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = InferenceGatewayServiceStub(channel)

    async def shares(self, actor: Actor, model_name: str) -> Split:
        with acting_for(actor.team, actor.user_id):
            try:
                route = (await self._stub.GetRoute(pb.GetRouteRequest(model_name=model_name))).route
            except NotFound:
                return Split({}, NOTHING)
        weights = {target.version: target.weight_bps for target in route.targets if target.weight_bps}
        return Split(weights, route.revision)

    async def split(
        self, actor: Actor, model_name: str, weights: Weights, key: str, expected: int | None = None
    ) -> None:
        request = pb.SetTrafficSplitRequest(
            model_name=model_name,
            weights=[
                pb.TrafficWeight(version=version, weight_bps=weight) for version, weight in sorted(weights.items())
            ],
            idempotency_key=key,
            expected_revision=expected,
        )
        with acting_for(actor.team, actor.user_id):
            await self._stub.SetTrafficSplit(request)
