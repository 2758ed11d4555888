"""The rules of the house hold here, and each of them fails where it should."""

from pathlib import Path

import pytest
from rules import access, exemptions, names, sizes, waiting

EXEMPTIONS = exemptions.read(Path(__file__).with_name("exemptions.toml"))
RULES = (
    sizes.files,
    sizes.functions,
    names.banned,
    names.test_packages,
    waiting.orphan_tasks,
    waiting.blocking_sleeps,
    access.options,
)
APP = "services/auth/src/fp_auth/app/planted.py"
LIB = "libs/rpc/src/fp_rpc/planted.py"
RUNTIME = "libs/runtime/src/fp_runtime/planted.py"
PROTO = "proto/forgepoint/auth/v1/planted.proto"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(tree, rule):
    assert [str(violation) for violation in exemptions.remaining(rule(tree), EXEMPTIONS)] == []


def test_every_exemption_is_needed_and_says_why(tree):
    violations = [violation for rule in RULES for violation in rule(tree)]

    assert exemptions.unused(violations, EXEMPTIONS) == []
    assert all(len(exemption.reason) > 20 for exemption in EXEMPTIONS)


def function(lines: int, *, docstring: bool = False) -> str:
    body = ["    answer = 0"] * (lines - 2)
    documentation = ['    """One', "", '    two."""'] if docstring else []
    return "\n".join(["def planted():", *documentation, *body, "    return answer", ""])


def proto(options: str) -> str:
    return f"""syntax = "proto3";
package forgepoint.auth.v1;
import "forgepoint/common/v1/access.proto";
message PlantedRequest {{}}
message PlantedResponse {{}}
service PlantedService {{
  rpc Plant(PlantedRequest) returns (PlantedResponse) {{ {options} }}
}}
"""


def option(body: str, audit: str = "audit: AUDIT_LEVEL_NEVER") -> str:
    return proto(f"option (forgepoint.common.v1.access) = {{ {body} {audit} }};")


def method(text: str) -> str:
    return "class A:\n" + "\n".join(f"    {line}" for line in text.splitlines())


def asynchronous(line: str) -> str:
    return f"import asyncio\n\n\nclass A:\n    def f(self):\n        {line}\n"


PLANTS = {
    "a file of 301 lines": (sizes.files, APP, "x = 1\n" * 301),
    "a test of 301 lines": (sizes.files, "libs/rpc/tests/unit/test_planted.py", "x = 1\n" * 301),
    "a main.py of 121 lines": (sizes.files, "services/auth/src/fp_auth/main.py", "x = 1\n" * 121),
    "a function of 41 lines": (sizes.functions, APP, function(41)),
    "a method of 41 lines": (sizes.functions, APP, method(function(41))),
    "a module of utils": (names.banned, "libs/rpc/src/fp_rpc/utils.py", ""),
    "a module of string helpers": (names.banned, "libs/rpc/src/fp_rpc/string_helpers.py", ""),
    "a package called core": (names.banned, "libs/rpc/src/fp_rpc/core/__init__.py", ""),
    "a base class": (names.banned, APP, "class BaseRepository:\n    pass\n"),
    "a manager": (names.banned, APP, "class KeyManager:\n    pass\n"),
    "a test package": (names.test_packages, "libs/rpc/tests/unit/__init__.py", ""),
    "an orphan task": (waiting.orphan_tasks, LIB, asynchronous("asyncio.create_task(f())")),
    "a task of the loop": (waiting.orphan_tasks, LIB, asynchronous("asyncio.get_running_loop().create_task(f())")),
    "an orphan task of a kept loop": (waiting.orphan_tasks, LIB, asynchronous("self._loop.create_task(f())")),
    "an orphan future": (waiting.orphan_tasks, LIB, asynchronous("asyncio.ensure_future(f())")),
    "an imported orphan task": (waiting.orphan_tasks, LIB, "from asyncio import create_task\n"),
    "a sleep": (waiting.blocking_sleeps, APP, "import time\ntime.sleep(1)\n"),
    "an imported sleep": (waiting.blocking_sleeps, APP, "from time import sleep\n"),
    "an RPC without option": (access.options, PROTO, proto("")),
    "an RPC without rule": (access.options, PROTO, option("")),
    "an RPC that is not public": (access.options, PROTO, option("public: false")),
    "an unknown permission": (access.options, PROTO, option('permission: "models:rad"')),
    "public and internal": (access.options, PROTO, option("public: true internal: true")),
    "no audit level": (access.options, PROTO, option("authenticated: true", audit="")),
}  # fmt: skip

NEAR_MISSES = {
    "a file of 300 lines": (sizes.files, APP, "x = 1\n" * 300),
    "a function of 40 lines and a docstring": (sizes.functions, APP, function(40, docstring=True)),
    "passwords that are common": (names.banned, "services/auth/src/fp_auth/domain/common_things.py", ""),
    "a task of a group": (waiting.orphan_tasks, LIB, "group.create_task(f())\n"),
    "a task of the runtime": (waiting.orphan_tasks, RUNTIME, asynchronous("asyncio.create_task(f())")),
    "a task of a test": (waiting.orphan_tasks, "libs/rpc/tests/unit/test_planted.py", "asyncio.create_task(f())\n"),
    "a sleep that yields": (waiting.blocking_sleeps, APP, "import asyncio\nasyncio.sleep(1)\n"),
    "a known permission": (access.options, PROTO, option('permission: "models:read"')),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), PLANTS.values(), ids=PLANTS)
def test_a_planted_violation_is_found(plant, rule, path, text):
    assert path in {violation.path for violation in rule(plant(path, text))}


@pytest.mark.parametrize(("rule", "path", "text"), NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_only_looks_like_a_violation_is_left_alone(plant, rule, path, text):
    assert path not in {violation.path for violation in rule(plant(path, text))}


def test_an_exemption_covers_its_file_and_rule_and_no_other(plant):
    violations = list(sizes.files(plant(APP, "x = 1\n" * 301)))
    covering = exemptions.Exemption(sizes.FILE_RULE, APP, "grown")

    assert APP not in {violation.path for violation in exemptions.remaining(violations, [covering])}
    for other in (exemptions.Exemption(sizes.FUNCTION_RULE, APP, ""), exemptions.Exemption(sizes.FILE_RULE, LIB, "")):
        assert APP in {violation.path for violation in exemptions.remaining(violations, [other])}
        assert exemptions.unused(violations, [other]) == [other]
