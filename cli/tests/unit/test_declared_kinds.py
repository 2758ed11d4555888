"""When what is there and what is declared are the same, kind by kind."""

import pytest
from fp_cli.declared.kinds import KINDS
from fp_kernel import FailedPrecondition


@pytest.mark.parametrize("name", ["RatePlan", "NotificationRule"])
def test_what_never_changes_says_so(name):
    with pytest.raises(FailedPrecondition, match=f"a {name} never changes"):
        KINDS[name].change(None, "x", {})


def test_files_that_the_platform_names_in_a_register_step_are_no_difference():
    of = KINDS["Pipeline"]
    train = {"id": "t", "type": "TRAIN"}
    declared = {"type": "TRAINING_DAG", "steps": [train, {"id": "r", "type": "REGISTER", "config": {"model": "m"}}]}
    named = {"model": "m", "artifact": "t/model.onnx", "metrics": "e"}
    answered = {"type": "TRAINING_DAG", "steps": [train, {"id": "r", "type": "REGISTER", "config": named}]}

    assert of.equal(answered, declared)
    assert of.equal(answered, answered)
    for config in ({"model": "n"}, {"model": "m", "artifact": "t/other.onnx"}, {"model": "m", "framework": "f"}):
        other = {**declared, "steps": [train, {"id": "r", "type": "REGISTER", "config": config}]}
        assert not of.equal(answered, other)


def test_thresholds_of_which_a_monitor_says_nothing_stay_the_platforms():
    monitor = KINDS["Monitor"]
    data, own = ({"drift_type": "DATA", "method": "PSI", "warn_score": score} for score in (0.1, 0.5))
    labels = {"drift_type": "PERFORMANCE", "warn_score": 0.05}
    there = {"window_size": 64, "thresholds": [labels, data]}

    for said, equal in (({}, True), ({"thresholds": [data]}, True), ({"thresholds": [own]}, False)):
        after = monitor.merged(there, {"window_size": 64, **said})
        assert monitor.equal(there, after) is equal
        assert labels in after["thresholds"]


def test_a_free_meter_need_not_be_declared():
    plan = KINDS["RatePlan"]
    price = {"amount_micros": 5, "currency_code": "EUR"}
    declared = {"unit_prices": {"METER_TYPE_INFERENCE_REQUEST": price}}
    answered = {"unit_prices": {**declared["unit_prices"], "METER_TYPE_STORAGE_BYTES": {"currency_code": "EUR"}}}

    assert plan.equal(answered, declared)
    assert not plan.equal(answered, {"unit_prices": {"METER_TYPE_INFERENCE_REQUEST": price | {"amount_micros": 6}}})
    assert not plan.equal(answered, declared | {"quota_limits": {"METER_TYPE_INFERENCE_REQUEST": 7}})


def test_a_target_is_compared_as_the_platform_shows_it():
    rule = KINDS["NotificationRule"]
    shown = {"target": "https://hooks.example/...", "channels": ["WEBHOOK"]}

    assert rule.equal(shown, {"target": "https://hooks.example/secret/path", "channels": ["WEBHOOK"]})
    assert not rule.equal(shown, {"target": "https://other.example/secret/path", "channels": ["WEBHOOK"]})
    assert not rule.equal({"target": "secret://a"}, {"target": "secret://b"})


def test_a_masked_target_cannot_be_applied():
    with pytest.raises(FailedPrecondition, match="its target is masked"):
        KINDS["NotificationRule"].create(None, "x", {"target": "https://hooks.example/..."})
