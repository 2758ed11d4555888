"""When what is there and what is declared are the same, kind by kind."""

import grpc
import pytest
from forgepoint.billing.v1.billing_pb2 import RatePlan
from forgepoint.notification.v1.notification_pb2 import NotificationRule
from forgepoint.pipeline.v1.pipeline_pb2 import PipelineDefinition
from fp_cli.declared.document import Declaration
from fp_cli.declared.kind import ABSENT, Present
from fp_cli.declared.kinds import KINDS
from fp_kernel import FailedPrecondition


def test_what_never_changes_says_so():
    with pytest.raises(FailedPrecondition, match="a RatePlan never changes"):
        KINDS["RatePlan"].change(None, "x", {}, ABSENT)


def test_each_kind_that_is_changed_or_deleted_expects_the_revision_that_was_read():
    """The next kind is refused here until it does."""
    asked, changed = {}, []

    class Platform:
        channel = grpc.insecure_channel("127.0.0.1:1")

        def call(self, _, request):
            fields = {field.name for field in request.DESCRIPTOR.fields}
            if "expected_revision" in fields:
                asked[type(request).__name__] = request.expected_revision
                changed.extend(getattr(request, field) for field in fields & {"id", "pipeline_id", "feature_view_id"})
            return Answer()

        def pages(self, *_):
            yield NotificationRule(id="1", name="x")

    class Answer:
        """Has whatever is asked for."""

        pipeline = PipelineDefinition(id="1")
        rate_plan = RatePlan(id="1")

    for each in KINDS.values():
        if each.name == "RatePlan":
            continue
        asked.clear()
        changed.clear()
        each.change(Platform(), "x", {}, Present({}, 7, "of then"))
        assert list(asked.values()) == [7], each.name
        assert set(changed) <= {"x", "of then"}, "what has the name by now may be another object"
        if each.deletable:
            asked.clear()
            changed.clear()
            each.delete(Platform(), "x", Present({}, 7, "of then"))
            assert list(asked.values()) == [7], each.name
            assert set(changed) <= {"of then"}, "what has the name by now may be another object"


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


def test_a_log_takes_everything_unless_it_says_otherwise_and_its_masks_have_no_order():
    log = KINDS["PredictionLog"]

    def spec(**said):
        return log.spec(Declaration("PredictionLog", "x", said, "a.yaml"))

    assert spec() == {"sample_bps": 10_000}
    assert spec(sample_bps=0) == {"sample_bps": 0}
    assert log.equal(spec(masked=["b", "a"]), spec(masked=["a", "b", "a"]))
    assert not log.equal(spec(), spec(sample_bps=0))
    assert log.merged({"sample_bps": 500, "retention_days": 90}, spec()) == {"sample_bps": 10_000, "retention_days": 90}


def test_a_free_meter_need_not_be_declared():
    plan = KINDS["RatePlan"]
    price = {"amount_micros": 5, "currency_code": "EUR"}
    declared = {"unit_prices": {"METER_TYPE_INFERENCE_REQUEST": price}}
    answered = {"unit_prices": {**declared["unit_prices"], "METER_TYPE_STORAGE_BYTES": {"currency_code": "EUR"}}}

    assert plan.equal(answered, declared)
    assert not plan.equal(answered, {"unit_prices": {"METER_TYPE_INFERENCE_REQUEST": price | {"amount_micros": 6}}})
    assert not plan.equal(answered, declared | {"quota_limits": {"METER_TYPE_INFERENCE_REQUEST": 7}})
    assert not plan.equal(answered, declared | {"predictions_per_second": 7})
    assert plan.equal(answered, declared | {"predictions_in_flight": 0})


def test_a_target_is_compared_as_the_platform_shows_it():
    rule = KINDS["NotificationRule"]
    shown = {"target": "https://hooks.example/...", "channels": ["WEBHOOK"]}

    assert rule.equal(shown, {"target": "https://hooks.example/secret/path", "channels": ["WEBHOOK"]})
    assert not rule.equal(shown, {"target": "https://other.example/secret/path", "channels": ["WEBHOOK"]})
    assert not rule.equal({"target": "secret://a"}, {"target": "secret://b"})


def test_a_masked_target_cannot_be_applied():
    with pytest.raises(FailedPrecondition, match="its target is masked"):
        KINDS["NotificationRule"].create(None, "x", {"target": "https://hooks.example/..."})
