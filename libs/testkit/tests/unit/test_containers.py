import re
from pathlib import Path

import pytest
from fp_testkit import containers
from fp_testkit.containers import IMAGES, ContainerStores
from fp_testkit.stores import NAMES, open_stores

COMPOSE = Path(__file__).parents[4] / "docker-compose.yaml"


def test_tests_and_developers_run_the_same_images():
    listed = re.findall(r"^    image: (\S+)$", COMPOSE.read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(image.reference for image in IMAGES.values())


def test_containers_are_chosen_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FP_TEST_INFRA", "containers")

    assert isinstance(open_stores(tmp_path), ContainerStores)


def test_another_choice_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("FP_TEST_INFRA", "clouds")

    with pytest.raises(ValueError, match="FP_TEST_INFRA"):
        open_stores(tmp_path)


class Container:
    """What testcontainers gives, for a program that runs somewhere else."""

    addresses: dict[str, tuple[str, int]]
    stopped: list[str]

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.environment: dict[str, str] = {}

    def with_exposed_ports(self, port: int) -> "Container":
        return self

    def with_command(self, command: str) -> "Container":
        return self

    def with_env(self, name: str, value: str) -> "Container":
        return self

    def start(self) -> None:
        """It runs."""

    def get_container_host_ip(self) -> str:
        return self.addresses[self.reference][0]

    def get_exposed_port(self, port: int) -> int:
        return self.addresses[self.reference][1]

    def stop(self) -> None:
        self.stopped.append(self.reference)


@pytest.fixture
def published(stores, monkeypatch):
    """The session's own stores, as if they were containers."""
    urls = {
        "postgres": stores.postgres_admin_url,
        "nats": stores.nats_url,
        "valkey": stores.redis_url,
        "seaweedfs": stores.s3_endpoint,
    }
    places = {name: re.fullmatch(r"\w+://(?:.*@)?([^:/@]+):(\d+).*", url).groups() for name, url in urls.items()}
    Container.addresses = {IMAGES[name].reference: (host, int(port)) for name, (host, port) in places.items()}
    Container.stopped = []
    monkeypatch.setattr(containers, "DockerContainer", Container)
    return places


@pytest.mark.parametrize("name", NAMES)
def test_a_container_is_ready_when_its_program_speaks_the_protocol(published, name):
    opened = ContainerStores()

    endpoints = opened.endpoints(name)

    host, port = published[name]
    assert f"{host}:{port}" in str(endpoints)
    assert opened.endpoints(name) is endpoints
    opened.stop()
    assert Container.stopped == [IMAGES[name].reference]


@pytest.mark.parametrize("name", NAMES)
def test_a_published_port_behind_which_nothing_answers_is_not_ready(published, name):
    other = "nats" if name != "nats" else "seaweedfs"
    host, port = published[other]

    assert not containers.answers((host, int(port)), IMAGES[name])
