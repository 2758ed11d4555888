"""The proofs share the fixtures of the end-to-end tests."""

from platform_fixtures import *  # noqa: F403 -- fixtures are found by name
from replicas import *  # noqa: F403
from rpc_walk import *  # noqa: F403
