"""One prediction from limit to event."""

import asyncio
from typing import Any

import pytest
from fp_inference.app.forward import Forwarded
from fp_inference.app.replays import MAX_RESPONSE
from fp_inference.app.route_table import RouteTable
from fp_inference.app.team_limits import TeamLimit
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.request_ids import request_id
from fp_inference.domain.routes import Route, Stable
from fp_inference.domain.rule_plan import WantedRule, plan_rules
from fp_inference.domain.rules import Match, Rules
from fp_kernel import (
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Replayed,
    ResourceExhausted,
    Unavailable,
)
from fp_kernel.tensors import ElementType, Tensor
from fp_testkit.clock import ManualClock
from inference_fakes.predicting import START, Setting, X

_PINNED = {"version_override": "9", "pin": True}
_SHORT = Tensor(ElementType.FLOAT32, (1, 1), b"\0")


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    setting = Setting(clock)
    setting.deploy("1")
    setting.table.settle()
    return setting


async def test_an_answered_prediction_is_recorded_before_it_is_answered(setting: Setting) -> None:
    prediction = await setting.ask()
    (completed,) = setting.recorder.made
    assert completed.prediction is prediction
    assert (prediction.version, prediction.outputs) == ("1", {"y": X})
    assert setting.recorder.replays == [None]


@pytest.mark.parametrize(
    ("changes", "error", "reason", "field"),
    [
        ({"model_name": "other"}, NotFound, FailureReason.NO_ROUTE, ""),
        ({"inputs": {}}, InvalidArgument, FailureReason.INVALID_INPUT, "inputs"),
        ({"inputs": {"x": _SHORT}}, InvalidArgument, FailureReason.INVALID_INPUT, "inputs[x].data"),
        ({"inputs": {"z": X}}, InvalidArgument, FailureReason.INVALID_INPUT, "inputs[z]"),
        ({"outputs": ("y", "nope")}, InvalidArgument, FailureReason.INVALID_INPUT, "outputs[nope].name"),
        ({"version_override": "1"}, PermissionDenied, FailureReason.INVALID_INPUT, ""),
        (_PINNED, FailedPrecondition, FailureReason.NO_ROUTE, "version_override"),
    ],
)
async def test_a_refused_prediction_is_recorded_with_its_reason(
    setting: Setting, changes: dict[str, Any], error: type[Error], reason: FailureReason, field: str
) -> None:
    with pytest.raises(error) as caught:
        await setting.ask(**changes)
    (failed,) = setting.recorder.refused
    assert failed.reason is reason
    assert failed.error is caught.value
    assert [bad.field for bad in caught.value.fields] == ([field] if field else [])
    assert setting.forward.targets == []


async def test_the_limit_comes_first(setting: Setting) -> None:
    setting.leases.empty = True
    with pytest.raises(ResourceExhausted) as caught:
        await setting.ask(model_name="unknown", inputs={})
    assert caught.value.retry_after == 2.0
    assert setting.recorder.refused[0].reason is FailureReason.RATE_LIMITED


async def test_the_quota_comes_before_the_limit(setting: Setting) -> None:
    setting.leases.empty = True
    now = setting.clock.now()
    setting.quotas.exceeded("alpha", "INFERENCE_REQUEST", sequence=1, used_at=now, published_at=now)
    with pytest.raises(ResourceExhausted) as caught:
        await setting.ask()
    assert (caught.value.reason, caught.value.retry_after) == ("QUOTA_EXCEEDED", None)
    assert setting.recorder.refused[0].reason is FailureReason.QUOTA_EXCEEDED


async def test_a_team_has_no_more_predictions_at_once_than_its_plan_allows(setting: Setting) -> None:
    setting.plans.limit = TeamLimit(in_flight=1)
    hanging = asyncio.Event()
    answer = setting.forward.__call__

    async def hang(*arguments: Any) -> Forwarded:
        await hanging.wait()
        return await answer(*arguments)

    setting.predict._forward = hang  # type: ignore[assignment]
    async with asyncio.TaskGroup() as group:
        first = group.create_task(setting.ask("one"))
        await asyncio.sleep(0)
        while not setting.places.taken:
            await asyncio.sleep(0)
        with pytest.raises(ResourceExhausted) as caught:
            await setting.ask("two")
        hanging.set()
    assert (caught.value.reason, caught.value.retry_after) == ("IN_FLIGHT_LIMITED", 0.1)
    assert setting.recorder.refused[0].reason is FailureReason.RATE_LIMITED
    assert first.result().version == "1"
    assert (await setting.ask("three")).version == "1", "a place is given back"


async def test_a_rule_has_its_answers_and_its_failures_counted_by_version_and_the_split_has_none(
    setting: Setting,
) -> None:
    def ruled(route: Route) -> Route:
        wanted = WantedRule("gold", [Match("plan", frozenset(("gold",)))], [("1", 10_000)])
        return route.with_rules(Rules(plan_rules(route, [wanted]), 7, START))

    setting.table.change("alpha", "delays", ruled)
    gold = {"plan": "gold"}
    await setting.ask(attributes=gold)
    await setting.ask()
    setting.forward.error = Unavailable("away", reason="UPSTREAM_UNAVAILABLE")
    for attributes in (gold, gold, {}):
        with pytest.raises(Unavailable):
            await setting.ask(attributes=attributes)
    counts = await setting.tallies.read(("alpha", "delays", 7))
    assert {name: counts[f"gold|1|{name}"] for name in ("answered", "failed")} == {"answered": 1, "failed": 2}
    assert all(name.startswith("gold|1|") for name in counts)


async def test_a_failure_of_the_runtime_names_its_version(setting: Setting) -> None:
    setting.forward.error = Unavailable("away", reason="UPSTREAM_UNAVAILABLE")
    with pytest.raises(Unavailable):
        await setting.ask()
    (failed,) = setting.recorder.refused
    assert failed.reason is FailureReason.UPSTREAM_ERROR
    assert [each.target.version for each in failed.tries] == ["1"]


async def test_a_refusal_before_any_version_was_asked_names_none(setting: Setting) -> None:
    setting.forward.error, setting.forward.asked = ResourceExhausted("full", reason="BULKHEAD_FULL"), False
    with pytest.raises(ResourceExhausted):
        await setting.ask()
    (failed,) = setting.recorder.refused
    assert (failed.model_id, failed.tries) == ("m", [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [(asyncio.CancelledError(), FailureReason.TIMEOUT), (KeyError("bug"), FailureReason.UPSTREAM_ERROR)],
)
async def test_a_version_that_hangs_or_breaks_something_is_told(
    setting: Setting, error: BaseException, reason: FailureReason
) -> None:
    setting.forward.error = error
    with pytest.raises(type(error)):
        await setting.ask()
    (failed,) = setting.recorder.refused
    assert (failed.reason, [each.target.version for each in failed.tries]) == (reason, ["1"])


async def test_an_unknown_model_may_still_come_until_routes_are_settled(setting: Setting) -> None:
    setting.predict._table = RouteTable()
    with pytest.raises(Unavailable) as caught:
        await setting.ask()
    assert caught.value.reason == "ROUTES_NOT_READ"
    assert setting.recorder.refused[0].reason is FailureReason.NO_ROUTE


async def test_the_split_decides_and_the_others_stand_by(setting: Setting) -> None:
    setting.deploy("2", 2, weight=0)
    await setting.ask()
    setting.split({"1": 5_000, "2": 5_000})
    for number in range(50):
        await setting.ask(str(number))
    assert setting.forward.targets[0] == ["1"]
    assert {tuple(targets) for targets in setting.forward.targets[1:]} == {("1", "2"), ("2", "1")}


async def test_the_same_sticky_key_sees_the_same_version(setting: Setting) -> None:
    setting.deploy("2", 2, weight=0)
    setting.split({"1": 5_000, "2": 5_000})
    versions = {(await setting.ask(str(number), sticky_key="customer-7")).version for number in range(30)}
    assert len(versions) == 1


async def test_a_pinned_version_stands_alone(setting: Setting) -> None:
    setting.deploy("2", 2, weight=0)
    assert (await setting.ask(version_override="2", pin=True)).version == "2"
    assert setting.forward.targets == [["2"]]


async def test_a_version_beside_the_stable_one_is_a_canary(setting: Setting) -> None:
    await setting.ask()
    setting.table.change("alpha", "delays", lambda route: route.promoted(Stable("id-1", "1", START)))
    await setting.ask()
    setting.deploy("2", 2)
    setting.split({"2": 10_000})
    await setting.ask()
    assert [completed.canaries for completed in setting.recorder.made] == [frozenset(), frozenset(), {"id-2"}]


async def test_a_retry_gets_the_first_answer_and_makes_no_second_event(setting: Setting) -> None:
    await setting.ask(key="k")
    assert setting.recorder.replays[0] is not None
    setting.deploy("2", 2)
    setting.split({"2": 10_000})
    with pytest.raises(Replayed) as caught:
        await setting.ask(key="k")
    assert caught.value.response == b"r"
    assert len(setting.recorder.made) == 1


async def test_a_failed_prediction_may_be_asked_for_again(setting: Setting) -> None:
    setting.forward.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await setting.ask(key="k")
    setting.forward.error = None
    assert (await setting.ask(key="k")).version == "1"


async def test_an_answer_too_large_to_keep_is_computed_again(setting: Setting) -> None:
    large = "r" * (MAX_RESPONSE + 1)
    for _ in range(2):
        await setting.ask(large, key="k")
    (replay, again) = setting.recorder.replays
    assert replay == again
    assert replay is not None
    assert (replay.response, replay.day) == (b"", START.date())


async def test_a_retry_over_midnight_is_the_request_that_it_was(setting: Setting) -> None:
    setting.clock.advance(23 * 3_600)
    await setting.ask("r" * (MAX_RESPONSE + 1), key="k")
    setting.clock.advance(7_200)
    again = await setting.ask("of the new day", key="k")
    assert again.request_id == request_id("alpha", "Predict", "k", b"", START.date())


async def test_an_archived_model_takes_no_traffic(setting: Setting) -> None:
    setting.table.change("alpha", "delays", lambda route: route.archived(START))
    with pytest.raises(FailedPrecondition):
        await setting.ask()
