"""Runtimes and jobs of a cluster keep the contracts of the ports, and what only a cluster can show.

The pods are those of the chart, with the rights that it gives to pipeline; their program is a Python file that a
ConfigMap holds, so that no image is built for it.
"""

import asyncio
import json
import uuid
from dataclasses import replace
from pathlib import Path

import bases
import chart
import chart_facts
import cluster as commands
import pytest
from fp_kernel import Unavailable
from fp_pipeline.adapters.kubernetes import names
from fp_pipeline.adapters.kubernetes.cluster import Cluster
from fp_pipeline.adapters.kubernetes.jobs import KubernetesJobs
from fp_pipeline.adapters.kubernetes.runtimes import KubernetesRuntimes
from fp_pipeline.adapters.kubernetes.workloads import Workload
from fp_pipeline.app.peers import JobState
from fp_pipeline.domain.machine import Machine
from fp_pipeline.domain.replicas import Replicas
from fp_testkit.patience import PATIENCE
from lightkube import KubeConfig
from our_program import programs, with_program
from pipeline_contracts.jobs import JobRunnerContract, ended, told, until
from pipeline_contracts.runtimes import ModelRuntimeContract, name_of, of_version

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
RELEASE, JOBS, RUNTIMES = "keepers", "keepers-jobs", "keepers-runtimes"

# The quota of one team is a single pod.
SETTINGS = (
    f"jobs.namespace={JOBS}",
    f"runtimes.namespace={RUNTIMES}",
    "teams.small.quota.jobs.pods=1",
    "teams.small.serviceAccountAnnotations.cloud=role-of-small",
)
KINDS = {"Namespace", "ServiceAccount", "Role", "RoleBinding", "ResourceQuota", "PriorityClass", "NetworkPolicy"}


@pytest.fixture(scope="module")
def manifests():
    return chart.parsed(chart.rendered(CHART, CHART / "values-kind.yaml", *SETTINGS, namespace=RELEASE))


@pytest.fixture(scope="module")
def installed(cluster, manifests):
    """What the chart makes for runtimes and jobs."""
    commands.import_images(cluster.layout, bases.make(cluster.layout)[:1])
    ours = [
        each for each in manifests if each["kind"] in KINDS and each["metadata"].get("namespace") in {JOBS, RUNTIMES}
    ]
    wide = [each for each in manifests if each["kind"] in {"Namespace", "PriorityClass"}]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "pipeline", "namespace": RELEASE}}
    release = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forgepoint-serving", "namespace": RUNTIMES}}
    secret["stringData"] = {"FP_SERVICE_SECRET": "a credential of the service", "FP_EDGE_PROOF": "a proof of the edge"}
    cluster.apply([release, *wide])
    cluster.apply([account, *ours, secret, *(programs(namespace) for namespace in (JOBS, RUNTIMES))])
    yield cluster
    cluster.kubectl("delete", "namespace", RELEASE, JOBS, RUNTIMES, "--wait=true", "--timeout=300s")
    cluster.kubectl("delete", "priorityclass", *(each["metadata"]["name"] for each in wide if each["kind"][0] == "P"))


@pytest.fixture(scope="module")
def as_pipeline(installed, tmp_path_factory):
    """Speaks with the rights of the service account of pipeline, and no others."""
    token = installed.kubectl("--namespace", RELEASE, "create", "token", "pipeline").strip()
    config = json.loads(installed.kubectl("config", "view", "--raw", "--output=json"))
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    file = tmp_path_factory.mktemp("rights") / "config"
    file.write_text(json.dumps(config))
    return KubeConfig.from_file(file)


@pytest.fixture(scope="module")
def workloads(manifests, tmp_path_factory):
    """By the chart's file, with our program in place of the platform's."""
    [told_by_chart] = [each["data"] for each in manifests if each["kind"] == "ConfigMap"]
    folder = tmp_path_factory.mktemp("workloads")
    for name, text in told_by_chart.items():
        (folder / name).write_text(text)
    return {kind: with_program(Workload.read(folder / f"{kind}.json")) for kind in ("runtime", "job")}


@pytest.fixture
async def jobs(as_pipeline, workloads):
    reached = Cluster.connect(JOBS, timeout=PATIENCE, config=as_pipeline)
    yield KubernetesJobs(reached, workloads["job"])
    await reached.close()


@pytest.fixture
def name():
    return f"job-{uuid.uuid4().hex}-1-train"


@pytest.fixture
async def runtimes(as_pipeline, workloads):
    reached = Cluster.connect(RUNTIMES, timeout=PATIENCE, config=as_pipeline)
    kept = KubernetesRuntimes(reached, workloads["runtime"])
    yield kept
    for each in await kept.running():
        await kept.stop(each)
    await reached.close()


class TestJobs(JobRunnerContract):
    """With a kubelet behind them."""


class TestRuntimes(ModelRuntimeContract):
    """With a kubelet behind them."""


def objects(cluster, kind, namespace, *selectors):
    chosen = [f"--selector={each}" for each in selectors]
    return json.loads(cluster.kubectl("--namespace", namespace, "get", kind, *chosen, "--output=json"))["items"]


async def ready(cluster, own, count):
    """The addresses behind the Service of a version, when there are so many."""

    async def there():
        slices = objects(cluster, "endpointslices", RUNTIMES, f"kubernetes.io/service-name={own}")
        found = {
            address
            for each in slices
            for endpoint in each["endpoints"] or ()
            if endpoint["conditions"]["ready"]
            for address in endpoint["addresses"]
        }
        return found if len(found) == count else None

    return await until(there)


async def test_each_pod_of_a_version_that_is_ready_is_an_address(installed, runtimes):
    spec = replace(of_version("7"), replicas=Replicas(2, 2), machine=Machine(cpu="20m", memory="48Mi"))
    address = await runtimes.start(name_of(7), spec)
    own = names.runtime(spec)

    await ready(installed, own, 2)

    assert address == f"dns:///{own}.{RUNTIMES}:9090"
    [deployment] = objects(installed, "deployments", RUNTIMES, "forgepoint.io/version=7")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["requests"] == {"cpu": "20m", "memory": "48Mi"}
    assert deployment["metadata"]["labels"]["forgepoint.io/team"] == "risk"
    assert [each["metadata"]["name"] for each in objects(installed, "pdb", RUNTIMES)] == [own]


async def test_what_belongs_to_a_version_goes_with_it(installed, runtimes):
    spec = replace(of_version("8"), replicas=Replicas(2, 5, 60))
    await runtimes.start(name_of(8), spec)
    [scaler] = objects(installed, "hpa", RUNTIMES)
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 5)

    await runtimes.stop(name_of(8))

    async def gone():
        return not [each for kind in ("services", "hpa", "pdb") for each in objects(installed, kind, RUNTIMES)]

    await until(gone)


async def test_a_version_that_is_deployed_again_while_it_drains_keeps_its_pods(installed, runtimes):
    spec = of_version("9")
    await runtimes.start(name_of(1), spec)
    before = await ready(installed, names.runtime(spec), 1)

    await runtimes.start(name_of(2), spec)
    await runtimes.stop(name_of(1))

    assert (await runtimes.running()).keys() == {name_of(2)}
    assert await ready(installed, names.runtime(spec), 1) == before


async def test_a_team_waits_for_its_own_quota_and_nobody_elses(installed, jobs, name):
    first, second, other = (f"{name}{part}" for part in "abc")
    await jobs.start(first, told(team="small", says=["first"], lasts=True))
    await until(lambda: jobs.log(first, 0, 1))
    await jobs.start(second, told(team="small"))
    await jobs.start(other, told(team="risk"))

    assert (await ended(jobs, other)).state is JobState.SUCCEEDED
    assert not objects(installed, "pods", JOBS, f"batch.kubernetes.io/job-name={names.job(second)}")
    await jobs.stop(first)
    # The controller looks again some time after each refusal.
    await jobs.stop(second)


async def test_a_job_of_a_team_has_the_account_that_carries_its_role(installed, jobs, name):
    await jobs.start(name, told(team="small"))
    await ended(jobs, name)

    [pod] = objects(installed, "pods", JOBS, f"batch.kubernetes.io/job-name={names.job(name)}")
    account = pod["spec"]["serviceAccountName"]
    [found] = [each for each in objects(installed, "sa", JOBS) if each["metadata"]["name"] == account]
    assert found["metadata"]["annotations"]["cloud"] == "role-of-small"
    assert not any("serviceAccountToken" in json.dumps(volume) for volume in pod["spec"]["volumes"])


async def test_a_job_ends_at_its_deadline_though_no_pipeline_lives(installed, jobs, name):
    await jobs.start(name, replace(told(lasts=True), deadline=2.0))

    job = await ended(jobs, name)

    assert (job.state, job.reason) == (JobState.FAILED, "it ran longer than it may")


async def test_a_job_that_takes_too_much_memory_says_so(installed, jobs, name):
    await jobs.start(name, told(takes=256))

    job = await ended(jobs, name)

    assert (job.state, job.reason) == (JobState.FAILED, "it used more memory than it may")


@pytest.mark.parametrize(
    ("verb", "what", "namespace", "allowed"),
    [
        ("create", "jobs.batch", JOBS, True),
        ("get", "pods/log", JOBS, True),
        ("create", "deployments.apps", RUNTIMES, True),
        ("get", "secrets", RUNTIMES, False),
        ("list", "secrets", JOBS, False),
        ("create", "pods", JOBS, False),
        ("create", "pods/exec", JOBS, False),
        ("create", "deployments.apps", JOBS, False),
        ("create", "jobs.batch", RELEASE, False),
        ("get", "secrets", RELEASE, False),
        ("create", "jobs.batch", "kube-system", False),
        ("create", "rolebindings.rbac.authorization.k8s.io", JOBS, False),
    ],
)
def test_pipeline_may_do_what_it_does_and_no_more(installed, verb, what, namespace, allowed):
    kind, _, part = what.partition("/")
    who = f"--as=system:serviceaccount:{RELEASE}:pipeline"
    asked = ("auth", "can-i", verb, kind, f"--subresource={part}", "--namespace", namespace, who)

    assert installed.asked(*asked).stdout.strip() == ("yes" if allowed else "no")


async def test_many_jobs_at_once_all_end(jobs, name):
    named = [f"{name}{number}" for number in range(8)]
    await asyncio.gather(*(jobs.start(each, told(says=[each])) for each in named))

    for each in named:
        assert (await ended(jobs, each)).state is JobState.SUCCEEDED
        assert await jobs.log(each, 0, 1) == [each]


async def test_a_job_goes_on_while_the_api_server_stands_still(installed, jobs, workloads, as_pipeline, name):
    await jobs.start(name, told(says=["here"], lasts=True))
    await until(lambda: jobs.log(name, 0, 1))
    hasty = Cluster.connect(JOBS, timeout=1.0, config=as_pipeline)
    try:
        with installed.standing_still("kube-apiserver"):
            # As steps and the reconciler see it: an error that costs no attempt.
            with pytest.raises(Unavailable):
                await KubernetesJobs(hasty, workloads["job"]).find(name)
            with pytest.raises(Unavailable):
                await KubernetesRuntimes(hasty, workloads["runtime"]).running()
    finally:
        await hasty.close()

    assert (await jobs.find(name)).state is JobState.RUNNING
    await jobs.stop(name)
