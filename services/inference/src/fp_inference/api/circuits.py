"""Circuit states as messages."""

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_rpc.times import to_timestamp

from fp_inference.app.circuits import Standing


def circuit_to_pb(standing: Standing) -> pb.CircuitState:
    circuit = standing.circuit
    return pb.CircuitState(
        model_name=standing.model_name,
        version=standing.target.version,
        state=pb.CircuitBreakerState.Value(f"CIRCUIT_BREAKER_STATE_{circuit.state}"),
        consecutive_failures=circuit.failures,
        last_transition_at=to_timestamp(circuit.changed_at),
    )
