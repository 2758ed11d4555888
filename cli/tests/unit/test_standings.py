"""What is shown of a version's circuit."""

from fp_cli.commands.routes import _standing


def test_a_version_shows_its_breaker_and_how_many_runtimes_it_has() -> None:
    circuit = {"state": "OPEN", "replicas": 3, "replicas_left_out": 2}
    assert _standing(circuit) == {"circuit": "OPEN", "replicas": 3, "replicas_left_out": 2}


def test_a_version_without_a_circuit_and_an_inference_of_before_show_one_runtime() -> None:
    one = {"circuit": "CLOSED", "replicas": 1, "replicas_left_out": 0}
    assert _standing({}) == one
    assert _standing({"state": "CLOSED", "replicas": 0}) == one
