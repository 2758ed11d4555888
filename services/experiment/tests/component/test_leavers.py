"""A training that runs for somebody whose credentials end."""

import asyncio

import pytest
from forgepoint.events.v1.events_pb2 import IdentityEnded
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_events import Event
from fp_kernel import Unauthenticated
from fp_testkit.patience import PATIENCE


def ended(kind, identity):
    payload = IdentityEnded(kind=kind, id=identity, revision=1, reason="disabled")
    payload.until.FromSeconds(4_000_000_000)
    return Event("fp.auth.identity.ended", payload, "alpha", identity, "Ended.", source="auth")


@pytest.mark.parametrize(("kind", "identity"), [("user", "job-of-alpha"), ("team", "alpha"), ("execution", "x7")])
async def test_a_job_writes_nothing_more_and_what_it_made_stays(service, ann, bus, kind, identity):
    experiment = (await ann(pb.CreateExperimentRequest(name="flights"))).experiment
    job, point = service.job("x7"), pb.MetricPoint(key="loss", value=0.5, step=1)
    run = (await job(pb.StartRunRequest(experiment_id=experiment.id))).run
    request = pb.LogMetricsRequest(run_id=run.id, points=[point])
    await job(request)

    with pytest.raises(Unauthenticated) as refused:
        async with asyncio.timeout(PATIENCE):
            # Told again and again, because the service may not listen yet.
            while True:
                await bus.publish([ended(kind, identity)])
                await job(request)

    assert refused.value.reason == "IDENTITY_ENDED"
    colleague = service.viewer("alpha")
    if kind == "team":
        with pytest.raises(Unauthenticated):
            await colleague(pb.GetRunRequest(id=run.id))
    else:
        assert (await colleague(pb.GetRunRequest(id=run.id))).run.owner_id == "job-of-alpha"
