"""`/v1/models/{m}/predict` and `/batch`: one prediction, or many, in plain JSON."""

from typing import Any

import orjson
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_rpc.conversions import Conversions
from fp_rpc.json_bodies import document_of
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import batches, protojson, route_table, tensors
from fp_gateway.http import prediction_fields as fields
from fp_gateway.http.door import Door
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

_FIELDS = frozenset({"inputs", "idempotencyKey", "stickyKey", "attributes"})


def routes(rpc: RpcClient, door: Door, conversions: Conversions) -> list[BaseRoute]:
    method = rpc.method(route_table.PREDICT)

    async def predict(request: Request) -> Response:
        body = await door.body(request, method, route_table.PREDICTION)
        message = await conversions.run(len(body), lambda: _message(document_of(body), request))
        response, trailers = await rpc.unary(route_table.PREDICT, message, request)
        answer = await conversions.run(response.ByteSize(), lambda: orjson.dumps(_document(response)))
        return Response(answer, 200, dict(trailers), "application/json")

    many = rpc.method(route_table.BATCH_PREDICT)

    async def batch(request: Request) -> Response:
        body = await door.body(request, many, route_table.PREDICTION)
        message = await conversions.run(len(body), lambda: batches.batch_request(document_of(body), request))
        response, trailers = await rpc.unary(route_table.BATCH_PREDICT, message, request)
        answer = await conversions.run(response.ByteSize(), lambda: batches.answer(response))
        return Response(answer, 200, dict(trailers), "application/json")

    async def info(request: Request) -> Response:
        message = pb.GetModelInfoRequest(model_name=request.path_params["model"])
        response, _ = await rpc.unary(route_table.MODEL_INFO, message, request)
        return Response(protojson.to_json(response), media_type="application/json")

    return [
        HttpRoute("/v1/models/{model}/predict", with_problems(predict), methods=["POST"]),
        HttpRoute("/v1/models/{model}/versions/{version}/predict", with_problems(predict), methods=["POST"]),
        HttpRoute("/v1/models/{model}/batch", with_problems(batch), methods=["POST"]),
        HttpRoute("/v1/models/{model}/versions/{version}/batch", with_problems(batch), methods=["POST"]),
        HttpRoute("/v1/models/{model}/info", with_problems(info), methods=["GET"]),
    ]


def _message(document: dict[str, Any], request: Request) -> pb.PredictRequest:
    fields.check(document, _FIELDS)
    inputs = fields.inputs_of(document.get("inputs"), "inputs")
    return pb.PredictRequest(inputs=inputs, **fields.shared(document, request))


def _document(response: Any) -> dict[str, Any]:
    return {
        "outputs": {name: tensors.to_json(tensor) for name, tensor in response.outputs.items()},
        "servedVersion": response.served_version,
        "latencyMs": response.latency.ToMicroseconds() / 1_000,
        "requestId": response.request_id,
    }
