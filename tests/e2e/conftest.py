"""Fixtures live in tests/support, because the proofs use them as well."""

from pathlib import Path

import pytest
from platform_fixtures import *  # noqa: F403 -- fixtures are found by name
from platform_fixtures import PASSWORD, SharedPlatform
from rpc_walk import *  # noqa: F403
from written import leaks

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory, collector):
    """Before its end all that these tests made it write is searched."""
    shared = SharedPlatform(tmp_path_factory, collector, lambda platform: leaks(platform, PASSWORD))
    yield shared
    shared.end()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """End the platform with the last test of this folder: idle, its processes take an eighth of a processor from the
    thousands of tests that follow.
    """
    if nextitem is None or not nextitem.path.is_relative_to(HERE):
        shared = getattr(item, "funcargs", {}).get("shared_platform")
        if shared is not None:
            shared.end()
