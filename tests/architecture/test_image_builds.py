"""Every image is built for every kind of processor that clusters have, and says what it is."""

import json
import re
import tomllib
from pathlib import Path

import chart
import image_builds
import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
PROCESSORS = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@pytest.fixture(scope="module")
def bake():
    return image_builds.bake(ROOT)


@pytest.fixture(scope="module")
def lock():
    return {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}


def installed(package, lock):
    found, open_ones = set(), {package}
    while open_ones:
        found |= open_ones
        open_ones = {other["name"] for name in open_ones for other in lock[name].get("dependencies", ())} - found
    return found


def test_the_file_is_current_and_has_every_image_of_the_list(bake):
    assert image_builds.is_current(ROOT)
    assert set(bake["group"]["default"]["targets"]) == chart.images(ROOT)


def test_every_image_but_that_of_laptops_is_for_both_kinds_of_processor(bake):
    kinds = {name: target["platforms"] for name, target in bake["target"].items() if name in chart.images(ROOT)}

    assert {name for name, platforms in kinds.items() if platforms != [*PROCESSORS]} == {"stores"}


def without_wheels(package, lock, processor):
    """Packages that would have to be compiled, for which an image has no compiler."""
    for name in sorted(installed(package, lock)):
        wheels = [wheel["url"].rpartition("/")[2] for wheel in lock[name].get("wheels", ())]
        fits = re.compile(rf"none-any\.whl|linux(?!.*musl).*{processor}")
        if wheels and not any(fits.search(wheel) for wheel in wheels):
            yield name


@pytest.mark.parametrize("processor", PROCESSORS.values())
def test_the_lock_has_a_wheel_of_each_package_for_each_processor(bake, lock, processor):
    packages = {target["args"]["PACKAGE"] for name, target in bake["target"].items() if name in chart.images(ROOT)}

    assert {
        each: found for each in packages - {"fp-devstack"} if (found := [*without_wheels(each, lock, processor)])
    } == {}


def test_a_package_without_a_wheel_is_seen(lock):
    wheel = {"url": "https://files/planted-1-cp311-cp311-manylinux_2_17_x86_64.whl"}
    planted = {**lock, "planted": {"name": "planted", "wheels": [wheel]}}
    planted["fp-auth"] = {**lock["fp-auth"], "dependencies": [{"name": "planted"}]}

    assert [*without_wheels("fp-auth", planted, "aarch64")] == ["planted"]
    assert [*without_wheels("fp-auth", planted, "x86_64")] == []


def test_digests_do_not_depend_on_the_time_of_the_build(bake):
    common = bake["target"]["_common"]

    assert common["args"]["SOURCE_DATE_EPOCH"] == "0"
    assert common["output"] == ["type=image,push=true,rewrite-timestamp=true"]


@pytest.mark.parametrize("label", ["title", "description", "version", "revision", "licenses", "base.name"])
def test_an_image_has_the_labels_that_registries_read(label):
    [labels] = re.findall(r"LABEL (.*?)\n(?!\s)", RECIPE, flags=re.DOTALL)

    assert f"org.opencontainers.image.{label}=" in labels


def test_the_base_is_an_argument_without_a_default_and_nothing_checks_health():
    assert "\nARG BASE\n" in RECIPE
    assert "HEALTHCHECK" not in RECIPE
    assert "USER 65532:65532" in RECIPE


def test_each_argument_that_a_build_is_given_is_one_that_the_recipe_takes(bake):
    taken = set(re.findall(r"^ARG (\w+)", RECIPE, flags=re.MULTILINE)) | {"SOURCE_DATE_EPOCH"}
    given = {name for target in bake["target"].values() for name in target["args"]}

    assert given <= taken
    json.dumps(bake)
