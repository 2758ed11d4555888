"""Fixtures live in tests/support, because the proofs use them as well."""

from pathlib import Path

import pytest
import pytest_asyncio
from fp_testkit.patience import Bound
from platform_fixtures import *  # noqa: F403 -- fixtures are found by name
from platform_fixtures import PASSWORD, SharedPlatform
from rpc_walk import *  # noqa: F403
from written import leaks

HERE = Path(__file__).parent
# Seconds: a third of a token's life, so that a test on a slow machine has ten minutes left.
LOGIN_SECONDS = 300.0


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory, collector):
    """Before its end all that these tests made it write is searched."""
    shared = SharedPlatform(tmp_path_factory, collector, lambda platform: leaks(platform, PASSWORD))
    yield shared
    shared.end()


@pytest.fixture(scope="session")
def logins():
    """Tokens of the first admin and when they are too old, by the folder of the platform."""
    return {}


@pytest_asyncio.fixture
async def admin_token(platform, connect, logins):
    """Of a login of the last minutes: each costs a quarter of a second of processor time, for the password's hash."""
    token, age = logins.get(platform.folder, ("", Bound(0)))
    if age.over:
        token = await connect().login(platform.access.email, platform.access.password)
        logins[platform.folder] = token, Bound(LOGIN_SECONDS)
    return token


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """End the platform with the last test that shares it: idle, its processes take an eighth of a processor from the
    thousands of tests that follow.
    """
    if nextitem is None or nextitem.path.parent != HERE:
        shared = getattr(item, "funcargs", {}).get("shared_platform")
        if shared is not None:
            shared.end()
