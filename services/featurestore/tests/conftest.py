"""Parts that unit and integration tests share."""

import pytest
from fp_featurestore.domain.features import Definition, Entity, Feature, ValueType
from fp_kernel import Command, Principal

ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")


@pytest.fixture(scope="session")
def ann():
    return ANN


@pytest.fixture(scope="session")
def no_key():
    return NO_KEY


@pytest.fixture(scope="session")
def defined():
    """A definition of DOUBLE features, or of those given with their types."""

    def make(name="flights", **types):
        features = tuple(Feature(feature, ValueType(kind)) for feature, kind in (types or {"temp": "DOUBLE"}).items())
        return Definition(name, Entity("flight", "flight_id"), features)

    return make
