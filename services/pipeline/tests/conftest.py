"""The peers of pipeline as servers over a `World`: gRPC services and the supervisor's socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from forgepoint.common.v1.common_pb2 import PaginationResponse
from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from forgepoint.serving.v1 import serving_pb2, serving_pb2_grpc
from fp_devstack.supervisor.control import Control, listen
from fp_kernel import NotFound
from fp_pipeline.app.peers import Actor, ModelDraft, ModelRef, ModelVersion, Stage, VersionDraft
from fp_rpc import Server, current_call
from fp_supervisor import Job, JobState, LogPage, ProcessState, Runtime
from fp_telemetry import Metrics
from fp_testkit.buckets import Bucket
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format
from pipeline_fakes.peers import FakeRegistry, FakeTraffic
from pipeline_fakes.world import World


def _actor() -> Actor:
    return Actor(current_call().team, "")


def _pb(version: ModelVersion) -> registry_pb2.ModelVersion:
    return registry_pb2.ModelVersion(
        id=version.version_id,
        model_id=version.model_id,
        version=version.version,
        status=registry_pb2.VersionStatus.Value(f"VERSION_STATUS_{version.status}"),
        stage=registry_pb2.ModelStage.Value(f"MODEL_STAGE_{version.stage}"),
        artifact_digest=version.digest,
        size_bytes=version.size_bytes,
        failure_reason=version.failure_reason,
    )


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    """The registry's answers over a `World`; artifacts go to the real object store."""

    def __init__(self, world: World, bucket: Bucket) -> None:
        self._world = world
        self._bucket = bucket
        self._fake = FakeRegistry(world)

    async def GetModel(self, request: registry_pb2.GetModelRequest, _: object) -> registry_pb2.GetModelResponse:
        self._world.called("GetModel", request.name or request.id)
        request.name = request.name or request.id.removeprefix("model-")
        model_id = self._world["models"].get(request.name)
        # Every model of the stand-in belongs to team alpha.
        if model_id is None or current_call().team != "alpha":
            raise NotFound(f"no model '{request.name}'")
        return registry_pb2.GetModelResponse(model=registry_pb2.Model(id=model_id, name=request.name))

    async def RegisterModel(
        self, request: registry_pb2.RegisterModelRequest, _: object
    ) -> registry_pb2.RegisterModelResponse:
        draft = ModelDraft(request.name, request.framework, request.task_type, request.description)
        model_id = await self._fake.ensure_model(_actor(), draft, request.idempotency_key)
        return registry_pb2.RegisterModelResponse(model=registry_pb2.Model(id=model_id, name=request.name))

    async def GetVersion(self, request: registry_pb2.GetVersionRequest, _: object) -> registry_pb2.GetVersionResponse:
        if request.id:
            read = self._fake.settled if request.current else self._fake.by_id
            found = await read(_actor(), request.id)
        elif request.stage:
            version_id = await self._fake.in_production(_actor(), request.model_id)
            if not version_id:
                raise NotFound("no version in this stage")
            found = await self._fake.by_id(_actor(), version_id)
        else:
            found = await self._fake.version(_actor(), ModelRef("", request.model_id), request.version)
        return registry_pb2.GetVersionResponse(version=_pb(found))

    async def PromoteVersion(
        self, request: registry_pb2.PromoteVersionRequest, _: object
    ) -> registry_pb2.PromoteVersionResponse:
        stage = Stage(registry_pb2.ModelStage.Name(request.target_stage).removeprefix("MODEL_STAGE_"))
        await self._fake.promote(_actor(), request.version_id, stage, request.idempotency_key)
        return registry_pb2.PromoteVersionResponse(version=_pb(await self._fake.by_id(_actor(), request.version_id)))

    async def RollbackModel(
        self, request: registry_pb2.RollbackModelRequest, _: object
    ) -> registry_pb2.RollbackModelResponse:
        await self._fake.roll_back(_actor(), request.model_id, request.idempotency_key)
        return registry_pb2.RollbackModelResponse()

    async def CreateVersion(
        self, request: registry_pb2.CreateVersionRequest, _: object
    ) -> registry_pb2.CreateVersionResponse:
        metrics = json_format.MessageToDict(request.metrics)
        profile = json_format.MessageToJson(request.baseline_profile).encode()
        draft = VersionDraft(request.model_id, request.run_id, request.description, metrics, profile)
        upload = await self._fake.create_version(_actor(), draft, request.idempotency_key)
        key = upload.url.removeprefix("put:")
        url = self._bucket.client().presigned_put_object(self._bucket.name, key)
        version = _pb(await self._fake.by_id(_actor(), upload.version_id))
        return registry_pb2.CreateVersionResponse(version=version, upload_url=url)

    async def ConfirmVersionUpload(
        self, request: registry_pb2.ConfirmVersionUploadRequest, _: object
    ) -> registry_pb2.ConfirmVersionUploadResponse:
        key = f"uploads/{request.version_id}"
        with self._bucket.client().get_object(self._bucket.name, key) as response:
            self._world["objects"][key] = response.read().decode()
        found = await self._fake.confirm_upload(
            _actor(), request.version_id, request.expected_digest, request.idempotency_key
        )
        return registry_pb2.ConfirmVersionUploadResponse(version=_pb(found))


class Inference(inference_pb2_grpc.InferenceGatewayServiceServicer):
    def __init__(self, world: World) -> None:
        self._fake = FakeTraffic(world)

    async def GetRoute(self, request: inference_pb2.GetRouteRequest, _: object) -> inference_pb2.GetRouteResponse:
        split = await self._fake.shares(_actor(), request.model_name)
        if not split.weights:
            raise NotFound("no route")
        targets = [inference_pb2.RouteTarget(version=version, weight_bps=bps) for version, bps in split.weights.items()]
        return inference_pb2.GetRouteResponse(route=inference_pb2.Route(targets=targets, revision=split.revision))

    async def SetTrafficSplit(
        self, request: inference_pb2.SetTrafficSplitRequest, _: object
    ) -> inference_pb2.SetTrafficSplitResponse:
        weights = {each.version: each.weight_bps for each in request.weights}
        expected = request.expected_revision if request.HasField("expected_revision") else None
        await self._fake.split(_actor(), request.model_name, weights, request.idempotency_key, expected)
        return inference_pb2.SetTrafficSplitResponse()


class Serving(serving_pb2_grpc.ModelServingServiceServicer):
    """Every runtime is this one; what it says of its model is planned by the test. loaded: labels of LoadModel."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.state = serving_pb2.MODEL_STATE_READY
        self.message = ""
        self.loaded: list[str] = []
        self.outcasts: list[str] = []

    async def GetModelStatus(
        self, request: serving_pb2.GetModelStatusRequest, _: object
    ) -> serving_pb2.GetModelStatusResponse:
        self._world.called("look", request.model_name)
        status = serving_pb2.ModelStatus(state=self.state, message=self.message)
        return serving_pb2.GetModelStatusResponse(status=status)

    async def LoadModel(self, request: serving_pb2.LoadModelRequest, _: object) -> serving_pb2.LoadModelResponse:
        self.loaded.append(request.version_id)
        self.state = serving_pb2.MODEL_STATE_READY
        return serving_pb2.LoadModelResponse(status=serving_pb2.ModelStatus(state=self.state))

    async def UnloadModel(self, request: serving_pb2.UnloadModelRequest, _: object) -> serving_pb2.UnloadModelResponse:
        self.state, self.message = serving_pb2.MODEL_STATE_UNLOADED, request.reason
        answer = {"state": self.state, "message": self.message, "reason": "MODEL_UNLOADED"}
        return serving_pb2.UnloadModelResponse(status=answer)

    async def ListLoadedModels(
        self, request: serving_pb2.ListLoadedModelsRequest, _: object
    ) -> serving_pb2.ListLoadedModelsResponse:
        at = int(request.pagination.page_token or 0)
        models = [serving_pb2.ModelStatus(version_id=each, reason="QUARANTINED") for each in self.outcasts[at : at + 1]]
        more = PaginationResponse(next_page_token=str(at + 1) if at + 1 < len(self.outcasts) else "")
        return serving_pb2.ListLoadedModelsResponse(models=models, pagination=more)

    async def GetModelInfo(
        self, request: serving_pb2.GetModelInfoRequest, _: object
    ) -> serving_pb2.GetModelInfoResponse:
        spec = serving_pb2.TensorSpec(name="features", shape=[-1, 4], dtype=serving_pb2.DATA_TYPE_FLOAT32)
        return serving_pb2.GetModelInfoResponse(model_info=serving_pb2.ModelInfo(input_schema=[spec]))


class Supervisor:
    """The supervisor's socket over a `World`. A job is a function of the test in a thread, with the job's spec."""

    def __init__(self, world: World, serving: str) -> None:
        self._world = world
        self._serving = serving
        self.jobs: dict[str, Callable[[dict[str, Any]], list[str]]] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self._threads: list[threading.Thread] = []

    def table(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        names = ("start_runtime", "stop_runtime", "runtimes", "start_job", "stop_job", "job", "job_log")
        return {name: getattr(self, name) for name in names}

    async def start_runtime(self, request: dict[str, Any]) -> Any:
        self._world.called("start_runtime", request["name"])
        spec = request["spec"]
        version_id = spec["environment"].get("FP_SERVING_VERSION_ID", "")
        stored = {"version_id": version_id, "address": self._serving, "group": spec.get("group", "")}
        self._world["runtimes"].setdefault(request["name"], stored)
        return asdict(Runtime(request["name"], self._serving, "", ProcessState.STARTING, request["spec"]["module"]))

    async def stop_runtime(self, request: dict[str, Any]) -> None:
        self._world.called("stop_runtime", request["name"])
        self._world["runtimes"].pop(request["name"], None)

    async def runtimes(self, request: dict[str, Any]) -> Any:
        return [
            asdict(Runtime(name, stored["address"], "", ProcessState.READY, "fp_serving"))
            for name, stored in self._world["runtimes"].items()
            if name.startswith(request["prefix"])
        ]

    async def start_job(self, request: dict[str, Any]) -> Any:
        name, spec = request["name"], request["spec"]
        self._world.called("start_job", name)
        if name not in self._world["jobs"]:
            self._world["jobs"][name] = {"state": "RUNNING", "reason": "", "lines": []}
            self.environments[name] = spec["environment"]
            thread = threading.Thread(target=self._run, args=(name, spec), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._job(name)

    async def stop_job(self, request: dict[str, Any]) -> Any:
        self._world.called("stop_job", request["name"])
        return self._job(request["name"])

    async def job(self, request: dict[str, Any]) -> Any:
        return self._job(request["name"])

    async def job_log(self, request: dict[str, Any]) -> Any:
        lines = self._world["jobs"][request["name"]]["lines"][request["after_line"] :]
        return asdict(LogPage(tuple(lines), request["after_line"] + len(lines), complete=True))

    def _job(self, name: str) -> Any:
        stored = self._world["jobs"].get(name)
        if stored is None:
            raise NotFound(f"there is no job {name}")
        state = JobState(stored["state"])
        return asdict(Job(name, state, "work", reason=stored["reason"], lines=len(stored["lines"])))

    def _run(self, name: str, spec: dict[str, Any]) -> None:
        stored = self._world["jobs"][name]
        document = json.loads(spec["environment"]["FP_JOB_SPEC"])
        try:
            stored["lines"] += self.jobs[spec["module"]](document)
            stored["state"] = "SUCCEEDED"
        except Exception as error:  # noqa: BLE001 -- a job may fail in any way
            stored["reason"] = repr(error)
            stored["state"] = "FAILED"

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)


@dataclass
class PeerServers:
    """registry, inference: addresses. socket: path of the supervisor's."""

    world: World
    serving: Serving
    supervisor: Supervisor
    registry: str
    inference: str
    socket: Path


async def _server(noun: str, issuer: Issuer, add: Callable[[Any, Any], None], servicer: object) -> tuple[Server, str]:
    server = Server(noun, resolver=issuer.identity.resolver(), metrics=Metrics(noun))
    server.add(add, servicer)
    port = await server.start("127.0.0.1:0")
    server.set_serving(True)
    return server, f"127.0.0.1:{port}"


@pytest.fixture
async def peers(issuer: Issuer, s3: Bucket, tmp_path: Path) -> AsyncIterator[PeerServers]:
    world = World()
    serving = Serving(world)
    started = [
        await _server("registry", issuer, registry_pb2_grpc.add_RegistryServiceServicer_to_server, Registry(world, s3)),
        await _server(
            "inference", issuer, inference_pb2_grpc.add_InferenceGatewayServiceServicer_to_server, Inference(world)
        ),
        await _server("serving", issuer, serving_pb2_grpc.add_ModelServingServiceServicer_to_server, serving),
    ]
    (_, registry), (_, inference), (_, runtime) = started
    supervisor = Supervisor(world, runtime)
    path = tmp_path / "supervisor.sock"
    async with asyncio.TaskGroup() as group:
        control = group.create_task(Control(supervisor.table(), print).serve(listen(path)))
        yield PeerServers(world, serving, supervisor, registry, inference, path)
        control.cancel()
    supervisor.join()
    for server, _ in started:
        await server.stop(0)
