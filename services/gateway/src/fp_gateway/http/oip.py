"""`/v2`: readiness of the server and of a model, metadata of a model, and inference."""

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Final

import orjson
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import NotFound
from fp_oip import tensors
from fp_oip.infer import Inference
from fp_oip.paths import INFER
from fp_rpc.conversions import Conversions
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import route_table
from fp_gateway.http.door import Door
from fp_gateway.http.responses import Handler, with_problems
from fp_gateway.http.rpc_client import RpcClient

# All models run on one runtime; `<project>_<format>`, as the protocol writes it.
_PLATFORM: Final = "onnx_onnxv1"
# The protocol knows 200 for yes and 4xx for no.
_NO: Final = 400


def routes(
    rpc: RpcClient, door: Door, conversions: Conversions, serving: Callable[[], Awaitable[bool]]
) -> list[BaseRoute]:
    """serving: whether predictions are answered at the moment."""
    method = rpc.method(route_table.PREDICT)

    async def metadata(_: Request) -> Response:
        return _json({"name": "forgepoint", "version": version("fp-gateway"), "extensions": ["binary_tensor_data"]})

    async def live(_: Request) -> Response:
        return _json({"live": True})

    async def ready(_: Request) -> Response:
        there = await serving()
        return _json({"ready": there}, 200 if there else _NO)

    async def model(request: Request) -> Response:
        return _json(_described(await _info(rpc, request)))

    async def model_ready(request: Request) -> Response:
        info = await _info(rpc, request)
        return _json({"name": info.model_name, "ready": info.is_serving}, 200 if info.is_serving else _NO)

    async def infer(request: Request) -> Response:
        body = await door.body(request, method, route_table.PREDICTION)
        named = request.path_params["model"], request.path_params.get("version", "")
        asked = await conversions.run(len(body), lambda: Inference(body, request.headers, *named))
        response, trailers = await rpc.unary(route_table.PREDICT, asked.message, request)
        answer, headers, media_type = await conversions.run(response.ByteSize(), lambda: asked.answer(response))  # type: ignore[arg-type]
        return Response(answer, 200, {**trailers, **headers}, media_type)

    return [
        *(_route(path, infer, "POST") for path in INFER),
        *(
            _route(f"/v2/models/{{model}}{version_path}{tail}", handler)
            for tail, handler in (("", model), ("/ready", model_ready))
            for version_path in ("", "/versions/{version}")
        ),
        _route("/v2", metadata),
        _route("/v2/health/live", live),
        _route("/v2/health/ready", ready),
    ]


def _route(path: str, handler: Handler, verb: str = "GET") -> BaseRoute:
    return HttpRoute(path, with_problems(handler), methods=[verb])


async def _info(rpc: RpcClient, request: Request) -> Any:
    """Raises NotFound also when the model is served, but not in this version."""
    message = pb.GetModelInfoRequest(model_name=request.path_params["model"])
    response, _ = await rpc.unary(route_table.MODEL_INFO, message, request)
    info: Any = response.model_info  # type: ignore[attr-defined]
    asked = request.path_params.get("version")
    if asked is not None and asked not in {served.version for served in info.versions}:
        raise NotFound(f"version {asked} of {info.model_name} is not served")
    return info


def _described(info: Any) -> dict[str, Any]:
    return {
        "name": info.model_name,
        "versions": [served.version for served in info.versions],
        "platform": _PLATFORM,
        "inputs": [_spec(tensor) for tensor in info.inputs],
        "outputs": [_spec(tensor) for tensor in info.outputs],
    }


def _spec(tensor: Any) -> dict[str, Any]:
    spec = {"name": tensor.name, "datatype": tensors.datatype(tensor.dtype), "shape": list(tensor.shape)}
    return spec | {"parameters": {"optional": True}} if tensor.optional else spec


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
