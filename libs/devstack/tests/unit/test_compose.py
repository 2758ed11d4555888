import re
from pathlib import Path

from fp_devstack import compose
from fp_devstack.supervisor.catalog import SERVICES

TEXT = (Path(__file__).parents[4] / "docker-compose.yaml").read_text()


def test_every_image_is_pinned_and_every_store_is_asked_for_its_health():
    images = re.findall(r"image: (\S+)", TEXT)

    assert len(images) == 4
    assert all(re.search(r":\d+\.\d+", image) for image in images)
    assert TEXT.count("healthcheck:") == len(images)


def test_every_published_port_is_on_the_loopback():
    published = re.findall(r"ports: \[(.*)\]", TEXT)

    assert len(published) == 4
    assert all(each.startswith('"127.0.0.1:') for each in published)


def test_no_password_has_a_default_and_each_can_be_generated():
    demanded = set(re.findall(r"\$\{(\w+):\?", TEXT))

    assert demanded == set(compose.NAMES)
    assert not re.findall(r"\$\{\w*(?:PASSWORD|_KEY):-", TEXT)


def test_generated_passwords_differ_and_need_no_quoting():
    lines = dict(line.split("=") for line in compose.environment().splitlines())

    assert tuple(lines) == compose.NAMES
    assert len(set(lines.values())) == len(lines)
    assert all(re.fullmatch(r"[a-z][a-z0-9]{49}", value) for value in lines.values())


def test_every_service_with_a_database_has_one():
    created = re.search(r"for noun in ([a-z ]+); do", TEXT)

    assert created is not None
    assert set(created[1].split()) == {service.noun for service in SERVICES if service.database}
