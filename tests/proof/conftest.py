"""The proofs share the fixtures of the end-to-end tests."""

import pytest
from edge_fixtures import *  # noqa: F403 -- fixtures are found by name
from platform_fixtures import *  # noqa: F403
from replicas import *  # noqa: F403
from rpc_walk import *  # noqa: F403


@pytest.fixture(scope="session")
def collector() -> None:
    """None: spans of every call would be made by all services and read by this process, which measures."""
