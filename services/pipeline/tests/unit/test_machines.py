"""What a step asks of the machine reaches whoever runs it, and an image only where it is allowed."""

import pytest
from fp_pipeline.domain.config_reader import ConfigReader
from fp_pipeline.domain.machine import ANY, Machine, read_machine
from fp_pipeline.domain.validation import JobModules

WANTED = {"image": "ours/risk:2", "cpu": "500m", "memory": "4Gi", "gpus": 1, "node_selector": {"pool": "gpu"}}


def test_a_machine_is_read_from_the_config():
    read = read_machine(ConfigReader({"machine": WANTED}, "config"), with_image=True)

    assert read == Machine("ours/risk:2", "500m", "4Gi", 1, {"pool": "gpu"})
    assert read_machine(ConfigReader({}, "config"), with_image=True) == ANY


@pytest.mark.parametrize("image", ["", "ours/risk/train:2", "ours/risk:2", "ours/risk@sha256:0"])
def test_an_image_below_an_allowed_beginning_may_run(image):
    assert JobModules(frozenset(), ("ours/risk/",)).allow_image(image)


@pytest.mark.parametrize("image", ["ours/riskier:2", "elsewhere/ours/risk:2", "ours/risk"])
def test_another_image_may_not(image):
    assert not JobModules(frozenset(), ("ours/risk",)).allow_image(image)


def test_without_a_list_only_the_platforms_image_runs():
    assert JobModules(frozenset()).allow_image("")
    assert not JobModules(frozenset()).allow_image("ours/risk:2")
