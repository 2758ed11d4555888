"""The bus is away while inference is drained and scaled down: what was predicted meanwhile is metered, once."""

import asyncio
from contextlib import contextmanager

import outside
from pods import ready
from test_drain import evicted

MODEL = "unpublished"
COUNT = 300
# Another pod, as an upgrade makes it; its hooks would want the bus.
CHANGED = ("--set", "services.inference.resources.requests.cpu=60m")


async def predicted(who):
    """How many were answered; none fails."""
    load = await who.asked(MODEL, COUNT)
    assert load.outcomes == {"OK": COUNT}, load.failures
    return COUNT


def inference(installation):
    return [pod for pod in installation.pods() if pod["metadata"]["labels"].get("forgepoint.io/program") == "inference"]


async def until(condition):
    async with asyncio.timeout(300):
        while not condition():
            await asyncio.sleep(1)


@contextmanager
def away(installation):
    installation.kubectl("scale", "statefulset/nats", "--replicas=0")
    installation.kubectl("wait", "pod/nats-0", "--for=delete", "--timeout=300s")
    try:
        yield
    finally:
        installation.kubectl("scale", "statefulset/nats", "--replicas=1")
        installation.kubectl("rollout", "status", "statefulset/nats", "--timeout=300s")


async def test_what_was_predicted_while_the_bus_was_away_is_metered_once(installation):
    installation.doubled()
    async with outside.opened(installation) as who:
        await who.deployed(MODEL, 1)
        before = await who.metered()
        with away(installation):
            made = await predicted(who)
            # Drained: both pods, one after the other.
            for pod in inference(installation):
                await until(lambda pod=pod: evicted(installation.cluster, pod))
                await until(lambda pod=pod: _replaced(installation, pod))
            made += await predicted(who)
            # Upgraded.
            await asyncio.to_thread(installation.doubled, *CHANGED)
            made += await predicted(who)
            # Scaled down, with what the second one holds.
            await asyncio.to_thread(installation.doubled, *CHANGED, "--set", "services.inference.replicas=1")
            installation.kubectl("wait", "pod/inference-1", "--for=delete", "--timeout=300s")
            made += await predicted(who)
        kept = await who.metered() - before
        await asyncio.to_thread(installation.doubled)
        found = await who.metered_at_last(before + made) - before
        await who.withdrawn(MODEL)

    print(f"\n{made} predictions while the bus was away; metered: {kept} without the second pod, {found} with it")
    assert found == made


def _replaced(installation, old):
    [pod] = [each for each in inference(installation) if each["metadata"]["name"] == old["metadata"]["name"]] or [old]
    return pod["metadata"]["uid"] != old["metadata"]["uid"] and ready(pod)
