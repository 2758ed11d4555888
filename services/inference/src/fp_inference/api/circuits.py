"""Circuit states as messages."""

from forgepoint.inference.v1 import inference_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from fp_inference.app.circuits import Standing


def circuit_to_pb(standing: Standing) -> pb.CircuitState:
    circuit = standing.circuit
    changed_at: Timestamp | None = None
    if circuit.changed_at is not None:
        changed_at = Timestamp()
        changed_at.FromDatetime(circuit.changed_at)
    return pb.CircuitState(
        model_name=standing.model_name,
        version=standing.target.version,
        state=pb.CircuitBreakerState.Value(f"CIRCUIT_BREAKER_STATE_{circuit.state}"),
        consecutive_failures=circuit.failures,
        last_transition_at=changed_at,
    )
