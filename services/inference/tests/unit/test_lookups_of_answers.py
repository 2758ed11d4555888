"""The store is asked whether a command was answered while the model computes; it has the last word."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fp_inference.app.forward import Forwarded
from fp_inference.app.replays import replay_digest
from fp_inference.app.values import Replay
from fp_inference.domain.request_ids import request_id
from fp_kernel import Command, InvalidArgument, Replayed, Unavailable
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from inference_fakes.predicting import START, Setting

_DAY_BEFORE = START.date() - timedelta(days=1)


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    setting = Setting(clock)
    setting.deploy("1")
    setting.table.settle()
    return setting


def _kept(body: bytes = b"", **fields: Any) -> Replay:
    command = Command("alpha", "Predict", "k", body, lambda _: b"")
    return Replay(replay_digest(command), command.fingerprint, fields.pop("response", b"answer"), **fields)


async def test_what_another_process_answered_is_answered_again_and_recorded_once(setting: Setting) -> None:
    setting.store.kept = [_kept()]
    with pytest.raises(Replayed) as caught:
        await setting.ask(key="k")
    assert caught.value.response == b"answer"
    assert (setting.recorder.made, setting.recorder.refused) == ([], [])


async def test_a_kept_answer_waits_for_no_model_that_hangs(setting: Setting) -> None:
    ended = asyncio.Event()

    async def hang(*_: Any) -> Forwarded:
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    setting.predict._forward = hang  # type: ignore[assignment]
    setting.store.kept = [_kept()]
    setting.store.speaks.clear()
    asked = asyncio.ensure_future(setting.ask(key="k"))
    await asyncio.sleep(0)
    setting.store.speaks.set()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(Replayed):
            await asked
    assert ended.is_set()
    assert asked.cancelling() == 0
    assert setting.recorder.refused == []


async def test_no_model_is_asked_once_the_store_has_spoken(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    read, told = setting.predict._fresh.read, asyncio.Event()

    async def late(*arguments: Any) -> Any:
        await told.wait()
        return await read(*arguments)

    monkeypatch.setattr(setting.predict._fresh, "read", late)
    setting.store.kept = [_kept()]
    asked = asyncio.ensure_future(setting.ask(key="k"))
    for _ in range(10):
        await asyncio.sleep(0)
    told.set()
    with pytest.raises(Replayed):
        await asked
    assert setting.forward.targets == []


async def test_no_answer_goes_out_before_the_store_has_spoken(setting: Setting) -> None:
    setting.store.speaks.clear()
    asked = asyncio.ensure_future(setting.ask(key="k"))
    while not setting.forward.targets:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (asked.done(), setting.recorder.made) == (False, [])
    setting.store.speaks.set()
    prediction = await asked
    assert [completed.prediction for completed in setting.recorder.made] == [prediction]


@pytest.mark.parametrize("changes", [{"model_name": "gone"}, {"inputs": {}}])
async def test_what_would_be_refused_now_is_answered_as_it_was_before(
    setting: Setting, changes: dict[str, Any]
) -> None:
    setting.store.kept = [_kept()]
    with pytest.raises(Replayed):
        await setting.ask(key="k", **changes)
    assert setting.recorder.refused == []


async def test_what_fails_now_is_answered_as_it_was_before(setting: Setting) -> None:
    setting.forward.error = Unavailable("away")
    setting.store.kept = [_kept()]
    with pytest.raises(Replayed):
        await setting.ask(key="k")
    assert setting.recorder.refused == []


async def test_another_body_with_the_same_key_is_refused_and_no_arm_failed(setting: Setting) -> None:
    setting.store.kept = [_kept(b"other")]
    with pytest.raises(InvalidArgument) as caught:
        await setting.ask(key="k", body=b"body")
    assert caught.value.fields[0].field == "idempotency_key"
    assert (setting.recorder.made, setting.recorder.refused) == ([], [])


async def test_what_was_first_seen_on_another_day_is_computed_as_that_request(setting: Setting) -> None:
    setting.store.kept = [_kept(response=b"", day=_DAY_BEFORE)]
    prediction = await setting.ask(key="k")
    assert prediction.request_id == request_id("alpha", "Predict", "k", b"", _DAY_BEFORE)
    assert [completed.prediction for completed in setting.recorder.made] == [prediction]


async def test_a_caller_who_gives_up_is_not_taken_for_one_who_was_answered(setting: Setting) -> None:
    async def hang(*_: Any) -> Forwarded:
        return await asyncio.get_running_loop().create_future()

    setting.predict._forward = hang  # type: ignore[assignment]
    setting.store.kept = [_kept()]
    setting.store.speaks.clear()
    asked = asyncio.ensure_future(setting.ask(key="k"))
    for _ in range(5):
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_without_the_store_predictions_are_made(setting: Setting) -> None:
    async def away(_: Any) -> Any:
        raise Unavailable("away")

    setting.store.get = away  # type: ignore[method-assign]
    assert (await setting.ask(key="k")).version == "1"
    assert len(setting.recorder.made) == 1
