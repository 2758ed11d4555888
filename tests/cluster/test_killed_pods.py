"""Each pod dies once while the main job runs: it closes all the same."""

import story

FLIGHTS = 5000
REPLAY, END_OF_REPLAY = "5  The year goes on", "6  Bring a model"


def serving(cluster):
    """The newest pod of the story's model: those of versions before it may be on their way out."""
    pods = cluster.items("pods", "fp-runtimes", "--selector=forgepoint.io/model=flight-delay")
    return max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])


def test_each_pod_may_be_killed_in_the_middle_of_the_main_job(installation):
    cluster = installation.cluster
    with story.told(installation, FLIGHTS) as telling:
        telling.reached(REPLAY)
        # Of the model first: while a canary is watched, it would be the version's fault.
        for pod in (serving(cluster), *installation.pods()):
            name = pod["metadata"]["name"]
            assert END_OF_REPLAY not in telling.said(), f"{name} would be killed after the last prediction"
            print(f"killed: {name}", flush=True)
            cluster.kill(pod)
        outcome = telling.outcome()

    story.closed(outcome, FLIGHTS)
