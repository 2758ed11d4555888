"""The RPCs, and Predict by the Open Inference Protocol over HTTP as well."""

from collections.abc import Mapping
from typing import Any

from forgepoint.inference.v1.inference_pb2 import PredictResponse
from forgepoint.inference.v1.inference_pb2_grpc import add_InferenceGatewayServiceServicer_to_server
from fp_oip.infer import Inference
from fp_oip.paths import INFER
from fp_rpc import Server

from fp_inference.api.grpc import Servicer


def add_to(server: Server, servicer: Servicer) -> None:
    server.add(add_InferenceGatewayServiceServicer_to_server, servicer)
    server.http(INFER, "Predict", PredictResponse, _asked)


def _asked(body: bytes, headers: Mapping[str, Any], parameters: Mapping[str, str]) -> Inference:
    """parameters: of the path. Raises InvalidArgument naming the field."""
    return Inference(body, headers, parameters["model"], parameters.get("version", ""))
