"""Two processes hear of the same drift, and each is killed once while jobs run: one retraining a report."""

import asyncio
import json
import urllib.request
from collections import Counter
from dataclasses import asdict

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from fp_devstack.supervisor.control import Control, listen
from fp_events import Event
from fp_kernel import NotFound, new_id
from fp_postgres import Database
from fp_supervisor import Job, JobState, LogPage
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format
from replicas import eventually, heard

pytestmark = pytest.mark.proof
REPORTS, SLICE = 120, 10
GRAPH = {
    "name": "training",
    "type": "PIPELINE_TYPE_TRAINING_DAG",
    "steps": [
        {"id": "train", "type": "STEP_TYPE_TRAIN", "config": {"module": "work.train"}},
        {"id": "check", "type": "STEP_TYPE_CUSTOM", "dependsOn": ["train"], "config": {"module": "work.check"}},
    ],
}


class Jobs:
    """The supervisor's socket, as far as jobs go: each is done when it is looked at for the second time."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()

    def table(self):
        return {
            "start_job": self.start,
            "stop_job": self.look,
            "job": self.look,
            "job_log": self.log,
            "runtimes": self.none,
        }

    async def start(self, request):
        spec = json.loads(request["spec"]["environment"]["FP_JOB_SPEC"])
        if request["name"] not in self.looks:
            self.looks[request["name"]] = 0
            await asyncio.to_thread(_put, spec["result_url"], json.dumps({"metrics": {}}).encode())
        return self._job(request["name"])

    async def look(self, request):
        if request["name"] not in self.looks:
            raise NotFound(f"there is no job {request['name']}")
        self.looks[request["name"]] += 1
        return self._job(request["name"])

    async def none(self, _request):
        return []

    async def log(self, request):
        return asdict(LogPage((), request["after_line"], complete=True))

    def _job(self, name):
        return asdict(Job(name, JobState.SUCCEEDED if self.looks[name] > 1 else JobState.RUNNING, "work"))


def _put(url, content):
    request = urllib.request.Request(url, data=content, method="PUT")  # noqa: S310 -- presigned by the pipeline
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
        response.read()


@pytest.fixture
async def jobs(tmp_path):
    """The socket's path and what was started."""
    jobs, path = Jobs(), tmp_path / "supervisor.sock"
    async with asyncio.TaskGroup() as group:
        control = group.create_task(Control(jobs.table(), print).serve(listen(path)))
        yield str(path), jobs
        control.cancel()


def drift(number, pipeline_id):
    """One message of a report; each is sent twice, as by a monitor whose answer was lost."""
    detected = events_pb2.ModelDriftDetected(
        model_name="delays",
        report_id=f"report-{number}",
        auto_retrain=True,
        retrain_pipeline_id=pipeline_id,
        severity=events_pb2.DRIFT_SEVERITY_CRITICAL,
    )
    return Event("fp.models.drift.detected", detected, team="alpha", resource_id="m", summary="s", id=new_id())


def settings(s3, socket):
    return {
        "FP_REGISTRY_ADDR": "127.0.0.1:1",
        "FP_INFERENCE_ADDR": "127.0.0.1:1",
        "FP_S3_ENDPOINT": s3.endpoint,
        "FP_S3_PUBLIC_ENDPOINT": s3.endpoint,
        "FP_S3_BUCKET": s3.name,
        "FP_S3_ACCESS_KEY": s3.access_key,
        "FP_S3_SECRET_KEY": s3.secret_key,
        "FP_SUPERVISOR_SOCKET": socket,
        "FP_PIPELINE_JOB_MODULES": "work",
        "FP_PIPELINE_LEASE_SECONDS": "2",
        "FP_PIPELINE_BACKOFF_SECONDS": "0.1",
    }


async def test_every_report_retrains_once_by_two_of_which_each_dies_once(replicas, bus, s3, jobs):
    socket, made = jobs
    pair = await replicas("pipeline", **settings(s3, socket))
    engineer = PipelineOrchestratorServiceStub(pair.channel(pair.first, "engineer"))
    request = json_format.ParseDict(GRAPH, pb.CreatePipelineRequest())
    pipeline_id = (await engineer.CreatePipeline(request)).pipeline.id

    async def publish(part):
        numbers = range(part * SLICE, (part + 1) * SLICE)
        await bus.publish([drift(number, pipeline_id) for _ in range(2) for number in numbers])

    alone = await pair.under_deaths(publish, REPORTS // SLICE)
    database = await Database.connect(pair.database_url, source="proof")

    async def ended():
        return await database.fetchval("SELECT count(*) FROM executions WHERE status = 'COMPLETED'") >= REPORTS

    await eventually(ended)
    rows = await database.fetch("SELECT id, status FROM executions")
    assert Counter(row["status"] for row in rows) == {"COMPLETED": REPORTS}
    started = [event.payload for event in await heard(bus, "fp.pipelines.started", REPORTS)]
    assert Counter(each.triggered_by for each in started) == Counter(
        f"drift-report:report-{number}" for number in range(REPORTS)
    )
    completed = [event.payload.execution_id for event in await heard(bus, "fp.pipelines.completed", REPORTS)]
    assert Counter(completed) == Counter(str(row["id"]) for row in rows)
    steps = await heard(bus, "fp.pipelines.step.completed", 2 * REPORTS)
    assert set(Counter((each.payload.execution_id, each.payload.step_id) for each in steps).values()) == {1}
    # A job's name carries execution, step and attempt: no step was tried a second time because its worker died.
    assert len(made.looks) == 2 * REPORTS
    assert min(alone) > 0, "both had a part in it"
    await database.close()
    print(json.dumps({"proof": "two pipelines", "reports": REPORTS, "executions": len(rows), "jobs": len(made.looks)}))
