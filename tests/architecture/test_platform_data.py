"""deploy/platform says the same as the code."""

import ast
import re
import tomllib
from pathlib import Path

import fp_platform
import pytest
from fp_auth.domain.users import ASSIGNABLE_ROLES
from fp_events import CONSUMERS, STREAMS, durable
from fp_kernel.identity import JOB_ROLE, SERVICE_ROLE
from rules import protos
from rules.tree import Tree, walked

ROOT = Path(__file__).parents[2]
TOPOLOGY = tomllib.loads((ROOT / "deploy" / "topology.toml").read_text())
SERVICES = fp_platform.services()["services"]
RUNTIME = fp_platform.services()["runtime"]
RPCS = protos.read(ROOT)
DEFAULT = "default"
KEY = re.compile(r"fp:[a-z]+")
STORES = {"database": "postgres", "nats": "nats", "redis": "redis", "s3": "s3"}


def _rule(call):
    """The Access option of `noun.Rpc`."""
    noun, _, name = call.partition(".")
    return next(rpc.access for rpc in RPCS if rpc.package == f"forgepoint.{noun}.v1" and rpc.name == name)


@pytest.mark.parametrize("noun", [*SERVICES, RUNTIME["noun"]])
def test_a_service_gets_the_address_of_every_peer_that_it_calls(noun):
    facts = SERVICES.get(noun, RUNTIME)
    called = {call.partition(".")[0] for call in TOPOLOGY[noun].get("calls", [])}
    called |= {call.partition(".")[0] for call in TOPOLOGY["every_service"].get("calls", [])}

    assert (called - {noun}) & set(SERVICES) <= set(facts.get("peers", []))


@pytest.mark.parametrize("noun", [*SERVICES, RUNTIME["noun"]])
def test_a_service_has_the_scopes_of_the_rpcs_that_it_calls_and_no_others(noun):
    """The gateway calls with the credential of its caller; the rest with its own token."""
    calls = [] if noun == "gateway" else TOPOLOGY[noun].get("calls", [])
    needed = {rule.permission for rule in map(_rule, calls) if rule.permission}

    assert set(SERVICES.get(noun, RUNTIME).get("scopes", [])) == needed


@pytest.mark.parametrize("noun", [*SERVICES, RUNTIME["noun"]])
def test_an_internal_rpc_names_each_service_that_calls_it(noun):
    # auth asks itself nothing, and a runtime verifies tokens by their keys alone.
    shared = [] if noun in ("auth", RUNTIME["noun"]) else TOPOLOGY["every_service"]["calls"]
    calls = [*TOPOLOGY[noun].get("calls", []), *shared]

    assert [call for call in calls if (rule := _rule(call)).internal and noun not in rule.callers] == []


def test_each_caller_of_an_internal_rpc_is_a_service():
    callers = {caller for rpc in RPCS for caller in rpc.access.callers}

    assert callers <= {*SERVICES, RUNTIME["noun"]}


@pytest.mark.parametrize("noun", SERVICES)
def test_a_service_gets_the_stores_that_its_settings_demand(noun):
    given = {store for field, store in STORES.items() if SERVICES[noun].get(field)}

    assert given == set(TOPOLOGY[noun].get("stores", []))


def redis_names(noun):
    """Constants of the service's code that begin as keys and channels do."""
    for source in Tree(ROOT).sources(ROOT / "services" / noun / "src"):
        for node in walked(source.text):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.match(node.value):
                yield node.value


@pytest.mark.parametrize("noun", [noun for noun, facts in SERVICES.items() if facts.get("redis")])
def test_the_keys_and_channels_in_the_code_of_a_service_are_those_that_it_may_use(noun):
    allowed = [*SERVICES[noun]["redis_keys"], *SERVICES[noun].get("redis_channels", [])]
    found = set(redis_names(noun))

    assert found
    # A prefix that goes on, or that a template puts into braces, begins as the pattern does.
    assert {name for name in found if not any(f"{name}:".startswith(key.rstrip("*{}")) for key in allowed)} == set()


@pytest.mark.parametrize("noun", SERVICES)
def test_no_service_may_use_the_keys_of_another(noun):
    mine = SERVICES[noun].get("redis_keys", []) + SERVICES[noun].get("redis_channels", [])

    assert [key for key in mine if not re.fullmatch(rf"fp:{noun}[:-].*|\{{fp:{noun}\}}:.*", key)] == []


@pytest.mark.parametrize("noun", [noun for noun, facts in SERVICES.items() if facts.get("redis")])
def test_no_service_may_use_a_command_of_administrators(noun):
    dangerous = {"acl", "config", "debug", "eval", "flushall", "flushdb", "keys", "monitor", "shutdown", "swapdb"}

    assert {command.partition("|")[0] for command in SERVICES[noun]["redis_commands"]} & dangerous == set()


def test_every_stream_has_its_limits_and_every_limit_its_stream():
    assert list(fp_platform.events()["streams"]) == [stream.name for stream in STREAMS]


def test_every_durable_belongs_to_a_service():
    assert {consumer.name.partition("-")[0] for consumer in CONSUMERS} <= set(SERVICES)


def test_a_durable_that_is_not_declared_is_refused():
    """Its producers would not create it before they publish, and its first events would be lost."""
    with pytest.raises(KeyError, match="nobody"):
        durable("nobody")


def values(facts):
    """Of every setting in a table of services.toml, by its name."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from values(value)
        elif name.startswith("FP_"):
            yield name, value


def missing_and_unknown(value):
    """Roles of people that a setting by role leaves out, and names in it that are no role; nothing for others."""
    parts = [part.partition("=") for part in str(value).split(",")]
    named = {name.strip() for name, equals, _ in parts if equals}
    if not named & (ASSIGNABLE_ROLES | {DEFAULT}):
        return set()
    return (ASSIGNABLE_ROLES - named) | (named - ASSIGNABLE_ROLES - {DEFAULT, SERVICE_ROLE, JOB_ROLE})


def test_a_setting_by_role_names_every_role_of_people():
    """The operator was added after the rate limits were written: he got the default, a fiftieth of the admin's."""
    settings = dict(values(fp_platform.services()))

    assert "FP_RATE_LIMITS" in settings
    assert {name: found for name, value in settings.items() if (found := missing_and_unknown(value))} == {}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("default=1/2,engineer=3/4,admin=3/4", {"operator", "viewer"}),
        ("engineer=3/4, admin=3/4, operator=3/4, viewer=1/2, enginer=3/4", {"enginer"}),
        ("default=1/2,engineer=3/4,admin=3/4,operator=3/4,viewer=1/2,job=1/2,service=1/2", set()),
        ("http://{address:auth.http}?role=admin", set()),
    ],
)
def test_a_setting_that_leaves_out_a_role_is_found(value, found):
    assert missing_and_unknown(value) == found
