"""The proofs share the fixtures of the end-to-end tests."""

from edge_fixtures import *  # noqa: F403 -- fixtures are found by name
from platform_fixtures import *  # noqa: F403
from replicas import *  # noqa: F403
from rpc_walk import *  # noqa: F403
