"""The chart says otherwise how a runtime is: pipeline makes those of live versions so, and no caller notices."""

import asyncio
import os

import outside

MODEL = "renewed"
RATE = 20
WANTED = "110m"
SECONDS = 600


def pods(installation):
    return installation.cluster.items("pods", "fp-runtimes", f"--selector=forgepoint.io/model={MODEL}")


def asked(pod):
    return pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]


async def test_no_prediction_fails_while_runtimes_follow_the_chart(installation):
    async with outside.opened(installation) as who:
        await who.deployed(MODEL, 1)
        before = {asked(pod) for pod in pods(installation)}
        async with who.predicting(MODEL, RATE) as process:
            chosen = ("--no-hooks", "--set", f"runtimes.resources.requests.cpu={WANTED}")
            await asyncio.to_thread(installation.upgrade, *chosen)
            async with asyncio.timeout(SECONDS):
                while {asked(pod) for pod in pods(installation)} != {WANTED}:
                    await asyncio.sleep(1)
            load = await process.stop()
        await who.withdrawn(MODEL)

    print(f"\n{load.outcomes} {load.failures} in {load.seconds:.0f} s; load {os.getloadavg()[0]:.1f}")
    assert before != {WANTED}
    assert load.outcomes.keys() == {"OK"}
