"""What a real cluster cannot be made to show: refusals, a worker that dies between two calls, and ends of pods."""

import base64
import json
from dataclasses import replace

import httpx2
import pytest
from fp_kernel import AlreadyExists, InvalidArgument, ResourceExhausted, Unavailable
from fp_pipeline.adapters.kubernetes import names
from fp_pipeline.adapters.kubernetes.jobs import KubernetesJobs
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import JobSpec, JobState
from fp_pipeline.domain.machine import Machine
from pipeline_fakes.api_server import FakeApiServer

NAME = "job-0123-1-train"
OWN = names.job(NAME)
SPEC = JobSpec("work", {"FP_JOB_SPEC": "{}", "FP_JOB_TOKEN": "token"}, "risk", "0123", "train", 60.0)
WORKLOAD = Workload(
    "fp-jobs",
    {"spec": {"serviceAccountName": "jobs", "containers": [{"name": "job", "image": "ours:1"}]}},
    teams={"risk": {"serviceAccountName": "team-risk"}},
)
JOB = f"/apis/batch/v1/namespaces/fp-jobs/jobs/{OWN}"
SECRET = f"/api/v1/namespaces/fp-jobs/secrets/{OWN}"
POD = "/api/v1/namespaces/fp-jobs/pods/pod"
BEGIN, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"


@pytest.fixture
def server():
    return FakeApiServer()


@pytest.fixture
def jobs(server):
    return KubernetesJobs(server.cluster("fp-jobs"), WORKLOAD, pause=0)


def end(server, condition, **terminated):
    """As the controller writes it; the pod is gone when it has no state."""
    server.objects[JOB]["status"] = {"startTime": BEGIN, "conditions": [{"status": "True", **condition}]}
    server.objects[JOB]["status"]["conditions"][0]["lastTransitionTime"] = END
    if terminated:
        state = {"terminated": {"startedAt": "2026-01-01T00:00:05Z", "finishedAt": END, **terminated}}
        status = {"name": "job", "state": state, "ready": False, "restartCount": 0, "image": "", "imageID": ""}
        metadata = {"name": "pod", "labels": {"batch.kubernetes.io/job-name": OWN}}
        server.objects[POD] = {"metadata": metadata, "status": {"containerStatuses": [status]}}
        server.logs["pod"] = "one\ntwo\n"


async def test_a_pod_finds_the_environment_that_nobody_else_reads(server, jobs):
    assert (await jobs.start(NAME, SPEC)).state is JobState.RUNNING

    job, secret = server.objects[JOB], server.objects[SECRET]
    pod = job["spec"]["template"]["spec"]
    assert not job["spec"]["suspend"]
    assert "token" not in json.dumps(job)
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": OWN}}]
    assert base64.b64decode(secret["data"]["FP_JOB_TOKEN"]) == b"token"
    assert secret["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    assert pod["serviceAccountName"] == "team-risk"
    assert job["metadata"]["labels"]["forgepoint.io/execution"] == "0123"


async def test_a_machine_is_what_the_pod_asks_for(server, jobs):
    machine = Machine("ours/risk:2", cpu="2", memory="4Gi", gpus=1, node_selector={"pool": "gpu"})

    await jobs.start(NAME, replace(SPEC, team="other", machine=machine))

    pod = server.objects[JOB]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["serviceAccountName"] == "jobs"
    assert pod["containers"][0]["image"] == "ours/risk:2"
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "2", "memory": "4Gi"},
        "limits": {"memory": "4Gi", "nvidia.com/gpu": "1"},
    }


@pytest.mark.parametrize("lost", [f"PATCH /secrets/{OWN}", f"PATCH /jobs/{OWN}"])
async def test_a_start_that_was_cut_short_is_none_and_the_next_one_ends_it(server, jobs, lost):
    server.refusals[lost] = httpx2.ConnectError("away")
    with pytest.raises(Unavailable):
        await jobs.start(NAME, SPEC)
    assert await jobs.find(NAME) is None
    server.refusals.clear()

    await jobs.start(NAME, replace(SPEC, environment={"FP_JOB_TOKEN": "newer"}))

    assert not server.objects[JOB]["spec"]["suspend"]
    assert base64.b64decode(server.objects[SECRET]["data"]["FP_JOB_TOKEN"]) == b"newer"


async def test_a_job_that_was_never_started_is_stopped_without_a_trace(server, jobs):
    server.refusals[f"PATCH /secrets/{OWN}"] = httpx2.ConnectError("away")
    with pytest.raises(Unavailable):
        await jobs.start(NAME, SPEC)

    await jobs.stop(NAME)

    assert JOB not in server.objects


async def test_a_job_that_runs_is_not_started_again_by_another_worker(server, jobs):
    await jobs.start(NAME, SPEC)
    server.calls.clear()

    await jobs.start(NAME, SPEC)

    assert [call.split()[0] for call in server.calls] == ["GET"]
    with pytest.raises(AlreadyExists):
        await jobs.start(NAME, replace(SPEC, module="other"))


@pytest.mark.parametrize(
    ("condition", "terminated", "reason", "seconds"),
    [
        ({"type": "Failed", "reason": "BackoffLimitExceeded"}, {"exitCode": 3}, "exit code 3", 4),
        ({"type": "Failed", "reason": "BackoffLimitExceeded"}, {"exitCode": 137}, "signal 9", 4),
        (
            {"type": "Failed", "reason": "BackoffLimitExceeded"},
            {"exitCode": 137, "reason": "OOMKilled"},
            "it used more memory than it may",
            4,
        ),
        ({"type": "Failed", "reason": "DeadlineExceeded"}, {}, "it ran longer than it may", 9),
        (
            {"type": "Failed", "reason": "PodFailed", "message": "the node is lost"},
            {},
            "PodFailed: the node is lost",
            9,
        ),
    ],
)
async def test_a_failure_says_why(server, jobs, condition, terminated, reason, seconds):
    await jobs.start(NAME, SPEC)
    end(server, condition, **terminated)

    job = await jobs.find(NAME)

    assert (job.state, job.reason, job.seconds) == (JobState.FAILED, reason, seconds)


async def test_a_success_counts_the_lines_of_its_log(server, jobs):
    await jobs.start(NAME, SPEC)
    end(server, {"type": "Complete"}, exitCode=0)

    job = await jobs.find(NAME)

    assert (job.state, job.lines, job.seconds) == (JobState.SUCCEEDED, 2, 4)
    assert await jobs.log(NAME, 1, 10) == ["two"]


async def test_a_log_whose_secrets_are_not_known_any_more_is_not_shown(server, jobs):
    await jobs.start(NAME, SPEC)
    end(server, {"type": "Complete"}, exitCode=0)
    del server.objects[SECRET]

    assert await jobs.log(NAME, 0, 10) == []


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (403, "jobs.batch is forbidden: User may not", Unavailable),
        (403, "exceeded quota: team, requested: count/jobs.batch=1", ResourceExhausted),
        (422, "spec.template: Invalid value", InvalidArgument),
        (429, "too many requests", Unavailable),
        (500, "etcdserver: request timed out", Unavailable),
    ],
)
async def test_a_refusal_of_the_api_server_is_an_error_that_says_whose_fault_it_is(server, jobs, code, message, error):
    server.refuse("POST /jobs", code, message)

    with pytest.raises(error, match=message.split(":", maxsplit=1)[0]):
        await jobs.start(NAME, SPEC)


@pytest.mark.parametrize("failure", [httpx2.ConnectError("refused"), httpx2.ReadTimeout("slow"), OSError("reset")])
async def test_an_api_server_that_does_not_answer_is_unavailable(server, jobs, failure):
    server.refusals[f"GET /jobs/{OWN}"] = failure

    with pytest.raises(Unavailable):
        await jobs.find(NAME)
