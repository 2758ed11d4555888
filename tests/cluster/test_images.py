"""What the recipe makes of the tree."""

import json
import subprocess

import builds
import pytest
from layout import chosen

MOST_MB = {"serving": 350, "stores": 350}


@pytest.fixture(scope="module")
def layout():
    return chosen()


@pytest.fixture(scope="module")
def billing(layout):
    recipe = next(each for each in builds.recipes() if each.name == "billing")
    builds.build(layout, recipe)
    return recipe


@pytest.mark.parametrize("recipe", builds.recipes(), ids=lambda recipe: recipe.name)
def test_an_image_is_small(layout, recipe):
    builds.build(layout, recipe)

    assert builds.compressed_bytes(layout, recipe) / 1e6 < MOST_MB.get(recipe.name, 200)


def test_the_same_tree_gives_the_same_image_twice(layout):
    recipe = next(each for each in builds.recipes() if each.name == "edge")

    assert builds.build(layout, recipe, cached=False) == builds.build(layout, recipe, cached=False)


def test_an_image_holds_no_shell_no_packages_and_no_source(layout, billing):
    unwanted = ("bin/sh", "bin/bash", "usr/bin/apt", "usr/bin/dpkg", "app/bin/pip", "app/bin/uv", "source", "uv")

    with builds.mounted(layout, billing) as root:
        found = [path for path in unwanted if (root / path).exists()]
        search = ["find", root / "app", "-perm", "/022", "-not", "-type", "l"]
        writable = subprocess.run(search, capture_output=True, text=True, check=True).stdout.split()

    assert found == []
    assert writable == []


def test_an_image_says_what_it_is_and_runs_as_nobody(layout, billing):
    config = json.loads(builds.inspected(layout, billing))["OCIv1"]["config"]

    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/app/bin/start"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert (labels["title"], labels["licenses"]) == ("fp-billing", "MIT")
    assert billing.image.endswith(f":{labels['version']}")
    assert labels["base.name"]
