"""A node is drained of the platform: cordoned, and each pod evicted as its budget allows; no prediction fails.

It is one node, so that what was evicted waits for it to be open again. Stores stay: theirs have one pod each.
"""

import asyncio
import json
import os
import time

import outside
from layout import NODE
from pods import ready

MODEL = "drained"
RATE = 50
# Of a second each.
_TRIES = 300


def evicted(cluster, pod):
    """False where a budget refuses it for now."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    done = cluster.asked("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    refused = "disruption budget" in done.stderr
    assert done.returncode == 0 or refused, done.stderr
    return not refused


def programs(installation):
    """Pods of the platform and of the model, without those of stores."""
    serving = installation.cluster.items("pods", "fp-runtimes", f"--selector=forgepoint.io/model={MODEL}")
    return [*serving, *(pod for pod in installation.pods() if "forgepoint.io/serves" in pod["metadata"]["labels"])]


def drained(installation):
    """How often a budget refused one: of what serves predictions, the second pod of each."""
    cluster, refusals = installation.cluster, 0
    left = programs(installation)
    old = {pod["metadata"]["uid"] for pod in left}
    for _ in range(_TRIES):
        cluster.kubectl("cordon", NODE)
        try:
            waiting = [pod for pod in left if not evicted(cluster, pod)]
        finally:
            cluster.kubectl("uncordon", NODE)
        refusals += len(waiting)
        left = [pod for pod in programs(installation) if pod["metadata"]["uid"] in old]
        if not left and all(map(ready, programs(installation))):
            return refusals
        left = [pod for pod in left if "deletionTimestamp" not in pod["metadata"]]
        time.sleep(1)
    raise AssertionError([pod["metadata"]["name"] for pod in left])


async def test_no_prediction_fails_while_every_pod_is_evicted(installation):
    installation.doubled()
    async with outside.opened(installation) as who:
        await who.deployed(MODEL, 2)
        async with who.predicting(MODEL, RATE) as process:
            refusals = await asyncio.to_thread(drained, installation)
            load = await process.stop()
        await who.withdrawn(MODEL)

    print(
        f"\n{sum(load.outcomes.values())} predictions, {load.outcomes} {load.failures}; {refusals} evictions refused; "
        f"p99 {1e3 * load.p99:.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    assert refusals >= len(("edge", "inference", "the model"))
    assert load.outcomes.keys() == {"OK"}
