"""Fixtures live in tests/support, because the proofs use them as well."""

from platform_fixtures import *  # noqa: F403 -- fixtures are found by name
