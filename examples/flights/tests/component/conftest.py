"""A feature store that runs, with the flights of two months in it, and a tracker for the jobs that learn from it."""

from contextlib import AsyncExitStack
from importlib import resources
from types import SimpleNamespace

import numpy as np
import pytest
import pytest_asyncio
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from fp_experiment.main import serve as serve_experiment
from fp_experiment.settings import Settings as ExperimentSettings
from fp_featurestore.main import serve
from fp_featurestore.settings import Settings
from fp_flights import data, store, train_job
from fp_rpc import BearerToken, Channels
from fp_testkit.issuer import SERVICE_SECRET
from fp_testkit.patience import PATIENCE

# Every twentieth flight is enough to learn a little from.
STRIDE = 20
WINTER_ENDS = np.datetime64("2013-03-01", "s")


@pytest.fixture
def common(nats_url, issuer):
    """Settings that every service has."""
    return {
        "grpc_port": 0,
        "http_port": 0,
        "bind_host": "127.0.0.1",
        "auth_issuer": issuer.url,
        "auth_addr": issuer.address,
        "service_secret": SERVICE_SECRET,
        "env": "dev",
        "nats_url": nats_url,
    }


@pytest_asyncio.fixture
async def running(services, databases, redis_url, common):
    settings = Settings(
        **common,
        database_url=await databases.create(resources.files("fp_featurestore") / "migrations", service="featurestore"),
        redis_url=redis_url,
    )
    return await services("featurestore", settings, serve)


@pytest_asyncio.fixture
async def tracker(services, databases, common):
    url = await databases.create(resources.files("fp_experiment") / "migrations", service="experiment")
    return await services("experiment", ExperimentSettings(**common, database_url=url), serve_experiment)


@pytest_asyncio.fixture
async def experiments(tracker, issuer):
    """Stubs of the tracker: as who makes the experiment, as somebody who reads runs, and as the job."""
    async with AsyncExitStack() as stack:

        def stub(token):
            channels = Channels(BearerToken(token))
            stack.push_async_callback(channels.close)
            return ExperimentTrackerServiceStub(channels.open(tracker.grpc_address, timeout=PATIENCE))

        yield SimpleNamespace(
            maker=stub(issuer.identity.engineer("alpha")),
            reader=stub(issuer.identity.viewer("alpha")),
            job=stub(issuer.identity.job("alpha", "execution")),
        )


@pytest_asyncio.fixture
async def session(running, issuer):
    """What the story has: a stub under the administrator's name."""
    async with AsyncExitStack() as stack:
        channels = Channels(BearerToken(issuer.identity.admin("alpha")))
        stack.push_async_callback(channels.close)
        yield SimpleNamespace(features=FeatureStoreServiceStub(channels.open(running.grpc_address, timeout=PATIENCE)))


@pytest.fixture(scope="session")
def winter():
    """Flights scheduled in January and February, also those that never left."""
    return data.load().months(1, 2).every(STRIDE)


@pytest_asyncio.fixture
async def views(session, winter):
    """Both views, with winter's flights, and all that had arrived when it ended."""
    defined = await store.define(session)
    await store.write_flights(session, defined, winter)
    await store.write_outcomes(session, defined, winter.where(winter.arrival <= WINTER_ENDS))
    return defined


@pytest.fixture
def as_job(running, experiments, issuer, monkeypatch):
    """This process calls the platform as a job of the team does; without a gateway, which makes one address of two."""
    monkeypatch.setattr(train_job, "ExperimentTrackerServiceStub", lambda _channel: experiments.job)
    monkeypatch.setenv("FP_JOB_TOKEN", issuer.identity.job("alpha"))
    monkeypatch.setenv("FP_GATEWAY_ADDR", running.grpc_address)
