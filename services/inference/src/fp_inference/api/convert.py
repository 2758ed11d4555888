"""Messages to values and back."""

from collections.abc import Sequence

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_rpc.signatures import signature_to_pb
from fp_rpc.tensors import TensorForm
from fp_rpc.times import to_duration, to_timestamp

from fp_inference.api.policies import rules_to_pb, shadow_to_pb
from fp_inference.app.circuits import Standing
from fp_inference.app.describe_model import Described
from fp_inference.app.values import Prediction
from fp_inference.domain.routes import Route, Target

TENSORS = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)


def prediction_to_pb(prediction: Prediction) -> pb.PredictResponse:
    return pb.PredictResponse(
        outputs=TENSORS.all_to_pb(prediction.outputs),
        served_version=prediction.version,
        latency=to_duration(prediction.seconds),
        request_id=prediction.request_id,
    )


def route_to_pb(route: Route) -> pb.Route:
    return pb.Route(
        model_name=route.model_name,
        targets=[_target_to_pb(route, target) for target in route.present],
        updated_at=to_timestamp(route.updated_at),
        revision=route.revision,
        salt=route.salt,
        rules=rules_to_pb(route),
        shadow=shadow_to_pb(route),
    )


def routes_to_pb(routes: Sequence[Route], most: int) -> list[pb.Route]:
    """The first of them, one at least, of at most so many bytes."""
    shown: list[pb.Route] = []
    left = most
    for route in routes:
        encoded = route_to_pb(route)
        left -= encoded.ByteSize()
        if shown and left < 0:
            break
        shown.append(encoded)
    return shown


def model_info_to_pb(described: Described) -> pb.ModelInfo:
    route, signature = described.route, described.signature
    return pb.ModelInfo(
        model_name=route.model_name,
        is_serving=bool(route.active),
        inputs=map(TENSORS.spec_to_pb, signature.inputs),
        outputs=map(TENSORS.spec_to_pb, signature.outputs),
        versions=[
            pb.VersionInfo(version=target.version, weight_bps=route.weight(target), is_stable=route.is_stable(target))
            for target in route.present
        ],
        updated_at=to_timestamp(route.updated_at),
        signature=signature_to_pb(signature),
    )


def _target_to_pb(route: Route, target: Target) -> pb.RouteTarget:
    return pb.RouteTarget(
        version=target.version,
        endpoint=target.endpoint,
        weight_bps=route.weight(target),
        status=pb.TARGET_STATUS_DRAINING if route.drains(target) else pb.TARGET_STATUS_ACTIVE,
    )


def circuit_to_pb(standing: Standing) -> pb.CircuitState:
    circuit = standing.circuit
    return pb.CircuitState(
        model_name=standing.model_name,
        version=standing.target.version,
        state=pb.CircuitBreakerState.Value(f"CIRCUIT_BREAKER_STATE_{circuit.state}"),
        consecutive_failures=circuit.failures,
        last_transition_at=to_timestamp(circuit.changed_at),
        replicas=standing.replicas,
        replicas_left_out=standing.left_out,
    )
