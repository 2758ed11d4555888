"""A person who is disabled in the middle of what he does: an execution that he watches in two ways, and a training."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2, people_pb2
from forgepoint.auth.v1.people_pb2_grpc import PeopleServiceStub
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_kernel import Unauthenticated, new_id
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format

# It waits for an upload that does not come.
SAGA = {
    "name": "waits",
    "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
    "steps": [{"id": "validate", "type": "STEP_TYPE_VALIDATE"}],
}


class Leaver:
    """An engineer of a new team at work, and an admin of that team who stays."""

    def __init__(self, client: Any, colleague: Any, *, token: str, http: str, experiments: Any) -> None:
        self.client, self.colleague = client, colleague
        self._token, self._http, self._experiments = token, http, experiments
        self.user_id = self.execution_id = self.run_id = ""

    async def begin(self, job_token: Any) -> None:
        """An execution that is under way, and a training whose job runs for him."""
        self.user_id = (await self.client.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims.user_id
        model = (await self.client.registry.RegisterModel(registry_pb2.RegisterModelRequest(name="delays"))).model
        created = await self.client.registry.CreateVersion(registry_pb2.CreateVersionRequest(model_id=model.id))
        request = json_format.ParseDict(SAGA, pipeline_pb2.CreatePipelineRequest())
        trigger = pipeline_pb2.TriggerExecutionRequest(
            pipeline_id=(await self.client.pipeline.CreatePipeline(request)).pipeline.id
        )
        trigger.input.update({"model": "delays", "version": created.version.version})
        self.execution_id = (await self.client.pipeline.TriggerExecution(trigger)).execution.id
        team = (await self.client.auth.GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims.team
        experiment = await self._call("CreateExperiment", name=f"e {new_id()}")
        self._job = await job_token(self.execution_id, team, self.user_id)
        started = await self._call("StartRun", self._job, experiment_id=experiment.experiment.id)
        self.run_id = started.run.id

    async def watched(self, opened: asyncio.Event) -> None:
        """Until the watch of his execution through the gateway is ended, for the reason that he ended."""
        watch = pipeline_pb2.WatchExecutionRequest(execution_id=self.execution_id, from_start=True)
        stream = self.client.pipeline.WatchExecution(watch)
        await stream.read()
        opened.set()
        with pytest.raises(Unauthenticated) as ended:
            while await stream.read() is not grpc.aio.EOF:
                pass
        assert ended.value.reason == "IDENTITY_ENDED"

    async def followed(self, opened: asyncio.Event) -> None:
        """Until the same has ended over HTTP."""
        path, headers = f"/api/v1/executions/{self.execution_id}/watch", {"authorization": f"Bearer {self._token}"}
        said = ""
        async with (
            httpx.AsyncClient(base_url=self._http, timeout=PATIENCE, verify=NO_TLS) as http,
            http.stream("GET", path, params={"from_start": "true"}, headers=headers) as response,
        ):
            assert response.status_code == httpx.codes.OK
            async for text in response.aiter_text():
                said += text
                if "data: " in said:
                    opened.set()
        assert "IDENTITY_ENDED" in said, said

    async def trained(self, opened: asyncio.Event) -> None:
        """Until his job can write nothing more."""
        step = 0
        while True:
            step += 1
            point = experiment_pb2.MetricPoint(key="loss", value=0.5, step=step)
            try:
                await self._call("LogMetrics", self._job, run_id=self.run_id, points=[point])
            except grpc.aio.AioRpcError as refused:
                if refused.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
                return
            opened.set()

    async def stays(self) -> None:
        """What he made is there, with his id."""
        registered = await self.colleague.registry.GetModel(registry_pb2.GetModelRequest(name="delays"))
        assert registered.model.owner_id == self.user_id
        asked = pipeline_pb2.GetExecutionRequest(execution_id=self.execution_id)
        execution = (await self.colleague.pipeline.GetExecution(asked)).execution
        assert execution.triggered_by == self.user_id
        assert execution.status == pipeline_pb2.EXECUTION_STATUS_RUNNING
        cancel = pipeline_pb2.CancelExecutionRequest(execution_id=self.execution_id, reason="he left")
        await self.colleague.pipeline.CancelExecution(cancel)

    async def _call(self, rpc: str, token: str = "", /, **fields: Any) -> Any:
        request = getattr(experiment_pb2, f"{rpc}Request")(**fields)
        metadata = (("authorization", f"Bearer {token or self._token}"),)
        return await getattr(self._experiments, rpc)(request, metadata=metadata, timeout=PATIENCE)


async def leave(
    leaver: Leaver, channel: grpc.aio.Channel, admin_token: str, happened: Callable[[str], None] = lambda _: None
) -> None:
    """Disables him while he does all of it. happened: called with `disabled`, and with the name of each that ended."""

    async def until(name: str) -> None:
        await doing[name](opened[name])
        happened(name)

    doing = {"stream": leaver.watched, "events over HTTP": leaver.followed, "training": leaver.trained}
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        opened = {name: asyncio.Event() for name in doing}
        for name in doing:
            group.create_task(until(name))
        for each in opened.values():
            await each.wait()
        metadata = (("authorization", f"Bearer {admin_token}"),)
        await PeopleServiceStub(channel).DisableUser(
            people_pb2.DisableUserRequest(user_id=leaver.user_id), metadata=metadata
        )
        happened("disabled")


@pytest.fixture
async def leaver(platform, channel, connect, token_of, job_token) -> Leaver:
    team = f"leavers-{new_id()[-8:]}"
    token, stays = await token_of("engineer", team), await token_of("admin", team)
    experiments = ExperimentTrackerServiceStub(channel)
    leaver = Leaver(connect(token), connect(stays), token=token, http=platform.http, experiments=experiments)
    await leaver.begin(job_token)
    return leaver
