"""Events that wait on the disk of a pod outlive it: the shape of inference."""

from pathlib import Path

import chart
import chart_facts
import pytest
from rules import manifests

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / chart_facts.CHART
KIND = CHART / "values-kind.yaml"
LEFT = ("services.inference.replicas=2", "services.inference.leftBehind={2,3}")


@pytest.fixture(scope="module")
def rendered():
    documents = chart.parsed(chart.rendered(CHART, KIND, *LEFT))
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


@pytest.fixture(scope="module")
def inference(rendered):
    return rendered["StatefulSet", "inference"]["spec"]


def test_a_pod_has_a_volume_of_its_own_that_outlives_it_and_its_number(inference):
    [claim] = inference["volumeClaimTemplates"]
    pod = inference["template"]["spec"]
    told = manifests.variables(pod["containers"][0])
    [mount] = [
        each["mountPath"] for each in pod["containers"][0]["volumeMounts"] if each["name"] == claim["metadata"]["name"]
    ]

    assert told["FP_SPOOL_DIR"].startswith(f"{mount}/")
    assert inference["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert not [each for each in pod["volumes"] if each["name"] == claim["metadata"]["name"]]


def test_a_pod_that_ends_has_the_time_to_answer_and_then_to_publish(inference):
    """It publishes what is there when the last call is answered: fp_inference.main, `on_close(tailer.flush)`."""
    told = manifests.variables(inference["template"]["spec"]["containers"][0])
    drain = float(told["FP_DRAIN_DELAY"]) + float(told["FP_DRAIN_TIMEOUT"])

    assert inference["template"]["spec"]["terminationGracePeriodSeconds"] >= drain + 10


@pytest.mark.parametrize("number", [2, 3])
def test_a_volume_without_a_pod_is_published_by_a_job(rendered, inference, number):
    job = rendered["Job", f"inference-drain-{number}"]
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    serving = inference["template"]["spec"]["containers"][0]

    assert container["command"][:3] == ["/app/bin/python", "-m", "fp_inference.draining"]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": f"spool-inference-inference-{number}"}
    assert manifests.variables(container) == manifests.variables(serving)
    assert container["volumeMounts"][0]["mountPath"] == "/var/lib/forgepoint/spool"
    # After the upgrade, so that no pod comes back to it meanwhile.
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-upgrade"


def test_such_a_job_is_restricted_reaches_the_bus_and_gets_no_calls(rendered):
    pod = rendered["Job", "inference-drain-2"]["spec"]["template"]

    assert manifests.findings(list(rendered.values()), chart.images(ROOT)) == []
    assert pod["metadata"]["labels"]["forgepoint.io/program"] == "inference"
    assert "forgepoint.io/serves" not in pod["metadata"]["labels"]


def test_the_volume_of_a_pod_that_runs_is_left_to_it():
    with pytest.raises(chart.Refused, match="pod 0 runs, and publishes what its volume holds"):
        chart.rendered(CHART, KIND, "services.inference.leftBehind={0}")
