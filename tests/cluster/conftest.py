"""The cluster, for all tests of this folder: the one that runs, or one for them alone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import builds
import cluster as commands
import images
from installation import Installation
from layout import chosen
from pods import KNOCK, Cluster


@pytest.fixture(scope="session")
def cluster():
    """Up when the first test needs it; ended with the last one, unless it was up before."""
    layout = chosen()
    before = commands.running(layout)
    commands.main(["up"])
    try:
        commands.import_images(layout, [images.compiled(layout, "knock", KNOCK)])
        yield Cluster(layout)
    finally:
        if not before:
            commands.main(["down"])


@pytest.fixture(scope="session")
def made(cluster):
    """`yield from made(name)`: a namespace that takes restricted pods alone, and says so of workloads too."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}

    def make(name):
        cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": levels}}])
        cluster.kubectl("--namespace", name, "wait", "--for=create", "serviceaccount/default", "--timeout=300s")
        yield name
        cluster.kubectl("delete", "namespace", name, "--wait=true", "--timeout=300s")
        cluster.empty_volumes(name)

    return make


@pytest.fixture(scope="session")
def namespace(made):
    yield from made("knocking")


@pytest.fixture(scope="session")
def installation(cluster, made, tmp_path_factory):
    """The platform with its stores, all of it ready."""
    commands.import_images(cluster.layout, [builds.archive(cluster.layout)])
    namespaces = made("forgepoint")
    whole = Installation(cluster, next(namespaces), tmp_path_factory.mktemp("secrets"))
    whole.make()
    print(*(f"{name} {seconds:.0f} s" for name, seconds in whole.starts()), sep="\n")
    yield whole
    whole.unmake()
    next(namespaces, None)
