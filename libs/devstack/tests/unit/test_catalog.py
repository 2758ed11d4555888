import json

import pytest
from fp_devstack.supervisor import catalog
from fp_devstack.supervisor.catalog import SERVICES, Service, needed_stores
from fp_kernel.errors import InvalidArgument


def test_only_the_stores_that_are_used_are_needed():
    assert needed_stores((Service("a", nats=True), Service("b", redis=True))) == ("nats", "valkey")
    assert needed_stores(()) == ()
    assert needed_stores(SERVICES) == ("postgres", "nats", "valkey", "seaweedfs")


def test_every_peer_is_a_service_of_the_catalog():
    nouns = {service.noun for service in SERVICES}

    assert {peer for service in SERVICES for peer in service.peers} <= nouns


def test_a_catalog_is_read_from_a_file(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps([{"noun": "a", "module": "m", "peers": ["b"]}, {"noun": "b"}]))

    assert catalog.load(path) == (Service("a", module="m", peers=("b",)), Service("b"))
    assert catalog.load(path)[1].program == "fp_b"


@pytest.mark.parametrize("text", ["{}x", '[{"name": "a"}]', "[3]", "3", '[{"noun": "a", "colour": "red"}]'])
def test_a_file_that_is_no_catalog_is_refused_by_name(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text)

    with pytest.raises(InvalidArgument, match=r"c\.json"):
        catalog.load(path)
