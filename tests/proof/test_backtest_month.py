"""The demo's month, asked again: the version that served it gives every recorded answer bit for bit."""

import asyncio
import json
import os

import numpy as np
import pytest
from command_line import within
from fp_flights import data, store
from fp_flights.pipelines import MODEL
from fp_flights.story import deploy, learn, loop, watch
from fp_flights.story.calendar import SERVED, calendar
from fp_flights.story.labels import Labels
from fp_flights.story.landing import Landing
from fp_flights.story.narrator import Narrator
from fp_flights.story.predict import predict_flights
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import open_session
from fp_kernel import new_id
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from fp_testkit.patience import Bound
from platform_client import start

pytestmark = pytest.mark.proof
END = np.datetime64("2013-04-01", "s")
# Of March; fewer are a larger stride over the same month.
COUNT = int(os.environ.get("COUNT", "50000"))
# Of a label that settles and a policy that reaches inference.
SECONDS = 300


async def test_a_backtest_of_the_month_gives_the_recorded_answers_bit_for_bit(tmp_path):
    folder, narrator = tmp_path / "platform", Narrator()
    access = await start(folder)
    try:
        env = {"FP_PASSWORD": access.password}

        async def fp(*line: str) -> str:
            done = await asyncio.to_thread(within, *line, home=tmp_path, env=env)
            assert done.returncode == 0, done.stderr
            return done.stdout

        await fp("login", "--email", access.email, "--address", access.address)
        async with open_session(access) as session:
            month = calendar(data.load(), COUNT, END)
            landing = Landing(session, await store.define(session), month.everything)
            await landing.write(SERVED)
            learned = await learn.learn(session, narrator)
            await deploy.deploy(session, narrator, learned.version)
            chain = await loop.prepare(session, 100)
            await watch.configure(session, window=10**6, retraining=chain.retraining)
            await fp("predictions", "log", MODEL)
            await logged(session, month.replay, narrator, fp)
            predicted = Predictions(month.replay)
            await predict_flights(session, narrator, predicted, None, run=new_id())
            assert not predicted.failed
            labels = Labels(session, predicted)
            await labels.settle()
        found = await asked_again(fp, learned.version, len(predicted.answers))
    finally:
        await SupervisorClient(folder / SOCKET).shutdown()
    print(json.dumps({"flights": len(predicted.answers), "auc": predicted.auc(), **found}), flush=True)
    assert found["identical"] == found["predictions"] >= len(predicted.answers)
    assert (found["difference"], found["failed"], found["masked"]) == (0, 0, 0)
    assert found["labelled"] == labels.accepted
    assert found["then.auc"] == found["now.auc"] == pytest.approx(predicted.auc(), abs=1e-12)
    assert found["then.log_loss"] == found["now.log_loss"]


async def logged(session, flights, narrator, fp) -> None:
    """Until the policy is known where predictions are made: from then on all are logged."""
    bound = Bound(SECONDS)
    while not json.loads(await fp("predictions", "list", MODEL, "-o", "json")):
        assert not bound.over
        one = Predictions(flights.where(np.arange(1)))
        await predict_flights(session, narrator, one, None, run=new_id())
        await asyncio.sleep(1)


async def asked_again(fp, version: str, least: int):
    """The backtest, once everything is in the log."""
    bound = Bound(SECONDS)
    while (stored := json.loads(await fp("predictions", "stored", MODEL, "-o", "json")))["predictions"] < least:
        assert not bound.over, stored
        await asyncio.sleep(1)
    return json.loads(
        await fp("models", "backtest", f"{MODEL}@{version}", "--last", "1d", "--limit", "100000", "-o", "json")
    )
