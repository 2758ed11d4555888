"""The platform as it is installed: it becomes ready."""

import json

import chart_facts
from layout import ROOT

PLATFORM = json.loads((ROOT / chart_facts.FILE).read_text())
STORES = json.loads((ROOT / "deploy" / "charts" / "stores" / "stores.json").read_text())["stores"]
RESIDENT = [noun for noun, program in PLATFORM["programs"].items() if program["resident"]]
PROGRAM = "forgepoint.io/program"


def test_every_pod_is_ready(installation):
    """A machine that does much beside may start one again whose store has not answered in its time."""
    found = {
        pod["metadata"]["labels"].get(PROGRAM) or pod["metadata"]["labels"]["forgepoint.io/store"]: [
            status["ready"] for status in pod["status"]["containerStatuses"]
        ]
        for pod in installation.pods()
    }

    assert found == {name: [True] for name in (*RESIDENT, *STORES)}
