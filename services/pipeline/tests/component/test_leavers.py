"""Somebody whose credentials end while he watches an execution."""

import asyncio

import pytest
from forgepoint.events.v1.events_pb2 import IdentityEnded
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_events import Event
from fp_kernel import Unauthenticated
from fp_testkit.patience import PATIENCE

SAGA = {
    "name": "saga",
    "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
    "steps": [{"id": "validate", "type": "STEP_TYPE_VALIDATE"}],
}


def ended(identity):
    payload = IdentityEnded(kind="user", id=identity, revision=1, reason="disabled")
    payload.until.FromSeconds(4_000_000_000)
    return Event("fp.auth.identity.ended", payload, "alpha", identity, "Disabled.", source="auth")


async def test_a_stream_ends_in_every_replica_and_what_was_made_stays(replica, client, peers, bus):
    # The step waits for an upload that does not come.
    peers.world.add_version("delays", "1", status="PENDING_UPLOAD")
    services = [await replica(), await replica()]
    engineers = [client(each.grpc_address) for each in services]
    admin = client(services[0].grpc_address, role="admin")
    pipeline = await engineers[0].create(SAGA)
    execution = await engineers[0].trigger(pipeline.id, model="delays", version="1")
    watch = pb.WatchExecutionRequest(execution_id=execution.id, from_start=True)
    streams = [each.stub.WatchExecution(watch) for each in engineers]
    colleagues = admin.stub.WatchExecution(watch)
    async with asyncio.timeout(PATIENCE):
        for stream in (*streams, colleagues):
            await stream.read()

        await bus.publish([ended("engineer-of-alpha")])

        for stream in streams:
            with pytest.raises(Unauthenticated) as gone:
                while True:
                    await stream.read()
            assert gone.value.reason == "IDENTITY_ENDED"
    for caller in engineers:
        with pytest.raises(Unauthenticated):
            await caller.get(execution.id)
    left = await admin.get(execution.id)
    assert left.triggered_by == "engineer-of-alpha"
    await admin.stub.CancelExecution(pb.CancelExecutionRequest(execution_id=execution.id, reason="done"))
    assert (await colleagues.read()) is not None
