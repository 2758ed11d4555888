"""A setting says who runs runtimes and jobs."""

import json

import pytest
from fp_pipeline.adapters.kubernetes.jobs import KubernetesJobs
from fp_pipeline.adapters.kubernetes.runtimes import KubernetesRuntimes
from fp_pipeline.adapters.supervisor import SupervisedJobs, SupervisedRuntimes
from fp_pipeline.keepers import keepers
from fp_pipeline.settings import PipelineSettings, allowed_jobs, engine_policy
from pydantic import ValidationError

GIVEN = {
    "auth_addr": "auth:9090",
    "auth_issuer": "http://auth:8080",
    "database_url": "postgresql://u:p@h/d",
    "inference_addr": "inference:9090",
    "nats_url": "nats://u:p@h:4222",
    "registry_addr": "registry:9090",
    "s3_access_key": "access",
    "s3_bucket": "bucket",
    "s3_endpoint": "http://s3",
    "s3_public_endpoint": "http://s3",
    "s3_secret_key": "secret",
    "service_secret": "a credential of the service",
}
CONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: t}}]
"""


@pytest.fixture
def workloads(tmp_path, monkeypatch):
    """As the chart mounts them, and an API server to speak to."""
    for kind in ("runtime", "job"):
        pod = {"spec": {"containers": [{"name": kind}]}}
        (tmp_path / f"{kind}.json").write_text(json.dumps({"namespace": f"fp-{kind}s", "pod": pod}))
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


async def test_a_laptop_has_its_supervisor():
    kept = keepers(PipelineSettings(**GIVEN, supervisor_socket="socket"))

    assert isinstance(kept.runtimes, SupervisedRuntimes)
    assert isinstance(kept.jobs, SupervisedJobs)
    await kept.close()


async def test_a_cluster_has_what_the_chart_says(workloads):
    settings = PipelineSettings(**GIVEN, runtimes="kubernetes", kubernetes_workloads=workloads)

    kept = keepers(settings)

    assert isinstance(kept.runtimes, KubernetesRuntimes)
    assert isinstance(kept.jobs, KubernetesJobs)
    # Each look is a call of the API server.
    assert engine_policy(settings).pause > engine_policy(PipelineSettings(**GIVEN, supervisor_socket="s")).pause
    await kept.close()


@pytest.mark.parametrize(
    ("chosen", "missing"), [("supervisor", "FP_SUPERVISOR_SOCKET"), ("kubernetes", "FP_KUBERNETES_WORKLOADS")]
)
def test_each_keeper_names_the_setting_that_it_lacks(chosen, missing):
    with pytest.raises(ValidationError, match=f"{missing} is missing"):
        PipelineSettings(**GIVEN, runtimes=chosen)


def test_images_that_jobs_may_run_are_read_from_a_list():
    jobs = allowed_jobs(PipelineSettings(**GIVEN, supervisor_socket="s", pipeline_job_images="ours/a, ours/b/"))

    assert jobs.images == ("ours/a", "ours/b/")
