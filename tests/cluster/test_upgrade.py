"""The next chart, with other images and settings, and the way back: nobody who predicts meanwhile notices."""

import asyncio
import os
import shutil

import builds
import cluster as commands
import outside
import pytest
from installation import CHART, TWICE

MODEL = "upgraded"
RATE = 100
NEXT = "99.0.0"
SETTINGS = ("--set", "drain.delaySeconds=6", "--set", "services.inference.resources.requests.cpu=60m")


@pytest.fixture
def next_chart(installation, tmp_path):
    """The same templates and the same images, by the next version of both."""
    layout = installation.cluster.layout
    for recipe in builds.recipes():
        tagged = f"{recipe.image.rpartition(':')[0]}:{NEXT}"
        commands.containers(layout, "images", "tag", "--force", recipe.image, tagged)
    copied = tmp_path / "chart"
    shutil.copytree(CHART, copied)
    described = copied / "Chart.yaml"
    text = described.read_text()
    described.write_text(text.replace(f" {builds.version()}", f" {NEXT}"))
    assert described.read_text().count(NEXT) == 2
    return copied


def tags(installation):
    """Of the images of all pods of services."""
    images = {
        pod["spec"]["containers"][0]["image"]
        for pod in installation.pods()
        if "forgepoint.io/serves" in pod["metadata"]["labels"] and "deletionTimestamp" not in pod["metadata"]
    }
    return {image.rpartition(":")[2] for image in images}


async def test_no_prediction_fails_at_an_upgrade_and_on_the_way_back(installation, next_chart):
    installation.upgrade(*TWICE)
    before = tags(installation)
    async with outside.opened(installation) as who:
        await who.deployed(MODEL, 2)
        async with who.predicting(MODEL, RATE) as process:
            await asyncio.to_thread(installation.upgrade, *TWICE, *SETTINGS, chart=next_chart)
            between = tags(installation)
            await asyncio.to_thread(installation.roll_back)
            after = tags(installation)
            load = await process.stop()
        await who.withdrawn(MODEL)

    made = sum(load.outcomes.values())
    print(
        f"\n{made} predictions, {load.outcomes} {load.failures}, {made / load.seconds:.0f}/s in {load.seconds:.0f} s; "
        f"p50 {1e3 * load.p50:.0f} ms, p99 {1e3 * load.p99:.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    assert (before, between, after) == ({builds.version()}, {NEXT}, {builds.version()})
    assert load.outcomes.keys() == {"OK"}
