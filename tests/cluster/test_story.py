"""The main job closes on a small node: training as Jobs, versions as Deployments, every prediction metered."""

import memory
import story

FLIGHTS = 5000
ALLOCATABLE_MIB = 4096


def test_the_main_job_closes_in_a_cluster_of_four_gigabytes(installation):
    cluster = installation.cluster
    with (
        memory.allocatable(cluster, ALLOCATABLE_MIB),
        memory.watched(cluster) as most,
        story.told(installation, FLIGHTS) as telling,
    ):
        outcome = telling.outcome()
        jobs = cluster.items("jobs", "fp-jobs")
        served = cluster.items("deployments", "fp-runtimes", "--selector=forgepoint.io/model=flight-delay")

    print(*(f"{mib:5} MiB {name}" for name, mib in most.most_common()), sep="\n")
    story.closed(outcome, FLIGHTS)
    assert {"train", "evaluate"} <= {each["metadata"]["labels"]["forgepoint.io/step"] for each in jobs}
    assert outcome["production"] in {each["metadata"]["labels"]["forgepoint.io/version"] for each in served}
    assert 0 < most["together"] < ALLOCATABLE_MIB
