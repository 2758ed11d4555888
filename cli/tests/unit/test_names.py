from unittest.mock import MagicMock

import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_cli import names
from fp_kernel import NotFound

ID, LIKE_AN_ID = "0193f3a0-0000-7000-8000-000000000001", "0193f3a0-0000-7000-8000-000000000002"


class Registry:
    """Has one model, whose name may be anything."""

    channel = None

    def __init__(self, name):
        self.model = pb.Model(id=ID, name=name)

    def call(self, _, request):
        if self.model.id == request.id or (request.name and self.model.name == request.name):
            return pb.GetModelResponse(model=self.model)
        raise NotFound("there is no such model")


@pytest.fixture(autouse=True)
def _stubs(monkeypatch):
    monkeypatch.setattr("fp_cli.names.registry_pb2_grpc.RegistryServiceStub", MagicMock())


@pytest.mark.parametrize("wanted", [ID, "delay"])
def test_a_model_is_found_by_its_id_and_by_its_name(wanted):
    assert names.model(Registry("delay"), wanted).id == ID


def test_a_model_whose_name_looks_like_an_id_is_found_by_it():
    assert names.model(Registry(LIKE_AN_ID), LIKE_AN_ID).id == ID


def test_what_is_neither_is_not_found():
    with pytest.raises(NotFound):
        names.model(Registry("delay"), LIKE_AN_ID)
