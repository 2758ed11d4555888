"""The rules of the house hold here, and each of them fails where it should."""

from pathlib import Path

import pytest
from rules import (
    access,
    at_import,
    bites,
    clocks,
    costs,
    database_time,
    decisions,
    exemptions,
    glue,
    growth,
    names,
    pages,
    sizes,
    waiting,
)

EXEMPTIONS = exemptions.read(Path(__file__).with_name("exemptions.toml"))
RULES = (
    sizes.files,
    sizes.functions,
    names.banned,
    names.test_packages,
    waiting.orphan_tasks,
    waiting.blocking_sleeps,
    waiting.losing_waits,
    waiting.impatient_clients,
    waiting.hasty_bounds,
    costs.authorities,
    glue.joining_modules,
    access.options,
    clocks.wall_clocks,
    clocks.presents,
    clocks.stopwatches,
    database_time.business_time,
    bites.unordered,
    at_import.changes,
    growth.undeclared,
    decisions.pages,
    pages.truths,
)
APP = "services/auth/src/fp_auth/app/planted.py"
TEST = "libs/rpc/tests/unit/test_planted.py"
LIB = "libs/rpc/src/fp_rpc/planted.py"
TESTKIT = "libs/testkit/src/fp_testkit/planted.py"
WALLCLOCK = "libs/testkit/src/fp_testkit/wallclock.py"
RUNTIME = "libs/runtime/src/fp_runtime/planted.py"
SQL = "services/billing/src/fp_billing/migrations/9999_planted.sql"
PROTO = "proto/forgepoint/auth/v1/planted.proto"
PAGE = "docs/planted.md"
DECISION = "docs/decisions/9999-planted.md"


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


GLUE = '"""Joins."""\n\nfrom fp_auth.domain import B, C\n'
STARTS = "    def __init__(self, b, c):\n        B.__init__(self, b)\n        C.__init__(self, c)\n"


def page(decision="It is so.", status="accepted", sections=("Context", "Decision", "Consequences")):
    return "\n\n".join(["# 9999 Planted", decision, f"Status: {status}", *(f"## {name}\nWords." for name in sections)])


PLANTS = {
    "a file of 301 lines": (sizes.files, APP, "x = 1\n" * 301),
    "a test of 301 lines": (sizes.files, TEST, "x = 1\n" * 301),
    "a main.py of 151 lines": (sizes.files, "services/auth/src/fp_auth/main.py", "x = 1\n" * 151),
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
    "a wait that loses cancellations": (waiting.losing_waits, TEST, asynchronous("asyncio.wait_for(f(), 1)")),
    "an impatient client": (waiting.impatient_clients, TEST, "httpx.AsyncClient(base_url=url)\n"),
    "a client that reads authorities": (costs.authorities, TEST, "httpx.AsyncClient(timeout=PATIENCE)\n"),
    "a call that reads authorities": (costs.authorities, TESTKIT, "httpx.get(url, timeout=PATIENCE)\n"),
    "a hasty bound": (waiting.hasty_bounds, TEST, asynchronous("asyncio.timeout(10)")),
    "a hasty bound of a program": (waiting.hasty_bounds, TEST, "subprocess.run(command, timeout=30)\n"),
    "an imported wait": (waiting.losing_waits, LIB, "from asyncio import wait_for\n"),
    "a module that joins": (glue.joining_modules, APP, GLUE),
    "a class that joins": (glue.joining_modules, APP, f"{GLUE}\n\nclass A(B, C):\n    pass\n"),
    "a class that starts its parts": (glue.joining_modules, APP, f"{GLUE}\n\nclass A(B, C):\n{STARTS}"),
    "a module of other names": (glue.joining_modules, LIB, f"{GLUE}\nD = B\n__all__ = ['D']\n"),
    "an RPC without option": (access.options, PROTO, proto("")),
    "an RPC without rule": (access.options, PROTO, option("")),
    "an RPC that is not public": (access.options, PROTO, option("public: false")),
    "an unknown permission": (access.options, PROTO, option('permission: "models:rad"')),
    "public and internal": (access.options, PROTO, option("public: true internal: true")),
    "a wall clock": (clocks.wall_clocks, TEST, "now = datetime.now(UTC)\n"),
    "a wall clock by its module": (clocks.wall_clocks, TEST, "now = datetime.datetime.now(tz)\n"),
    "a clock of the system": (clocks.wall_clocks, TEST, "from fp_kernel import SystemClock\n"),
    "a clock of the system by its module": (clocks.wall_clocks, TEST, "clock = fp_kernel.SystemClock()\n"),
    "the day": (clocks.wall_clocks, TEST, "day = date.today()\n"),
    "a wall clock of Unix": (clocks.wall_clocks, TEST, "now = time.time()\n"),
    "an imported wall clock": (clocks.wall_clocks, TEST, "from time import time_ns\n"),
    "a wall clock that is passed": (clocks.wall_clocks, TEST, "field(default_factory=time.time)\n"),
    "a wall clock of protobuf": (clocks.wall_clocks, TEST, "payload.failed_at.GetCurrentTime()\n"),
    "a wall clock of a fixture": (clocks.wall_clocks, TESTKIT, "now = datetime.now(UTC)\n"),
    "a wall clock of what ships": (clocks.presents, APP, "now = datetime.now(UTC)\n"),
    "a wall clock of a library": (clocks.presents, LIB, "now = time.time()\n"),
    "a clock of the system in a service": (clocks.presents, APP, "from fp_kernel import SystemClock\n"),
    "a stopwatch": (clocks.stopwatches, TEST, "began = time.monotonic()\n"),
    "an imported stopwatch": (clocks.stopwatches, TEST, "from time import perf_counter\n"),
    "a stopwatch of the loop": (clocks.stopwatches, TEST, "asyncio.get_running_loop().time()\n"),
    "a bite without order": (
        bites.unordered,
        APP,
        "Q = 'DELETE FROM a WHERE ctid = ANY(array(SELECT ctid FROM a WHERE b < $1 LIMIT $2))'\n",
    ),
    "a change at import": (at_import.changes, APP, "import csv\ncsv.field_size_limit(9)\n"),
    "a change of a module's part at import": (at_import.changes, LIB, "import os.path as p\np.a.b(9)\n"),
    "a time of the database": (database_time.business_time, APP, "Q = 'INSERT INTO a VALUES ($1, now())'\n"),
    "a day of the database": (database_time.business_time, LIB, "Q = f'SELECT {a} WHERE day = CURRENT_DATE'\n"),
    "a time of the database by default": (database_time.business_time, SQL, "at timestamptz DEFAULT now()\n"),
    "a decision without a sentence": (decisions.pages, DECISION, page("- A list")),
    "a decision that begins with its status": (decisions.pages, DECISION, page("Status: accepted")),
    "a decision of another status": (decisions.pages, DECISION, page(status="agreed")),
    "a decision without context": (decisions.pages, DECISION, page(sections=("Decision", "Consequences"))),
    "a decision with another section": (decisions.pages, DECISION, page(sections=(*decisions.SECTIONS, "Notes"))),
    "a decision of another number": (decisions.pages, "docs/decisions/9998-planted.md", page()),
    "a second decision of a number": (decisions.pages, "docs/decisions/0001-z-planted.md", page()),
    "a decision without number": (decisions.pages, "docs/decisions/planted.md", page()),
    "a link to nothing": (pages.truths, PAGE, "[there](nothing.md)\n"),
    "a link of a decision to nothing": (pages.truths, DECISION, "[there](nothing.md)\n"),
    "a file that is gone": (pages.truths, PAGE, "See `app/gone_with_it.py`.\n"),
    "a setting that nothing reads": (pages.truths, PAGE, "Set `FP_NOTHING_" + "READS_IT`.\n"),
    "no audit level": (access.options, PROTO, option("authenticated: true", audit="")),
}  # fmt: skip

NEAR_MISSES = {
    "a file of 300 lines": (sizes.files, APP, "x = 1\n" * 300),
    "a function of 40 lines and a docstring": (sizes.functions, APP, function(40, docstring=True)),
    "passwords that are common": (names.banned, "services/auth/src/fp_auth/domain/common_things.py", ""),
    "a task of a group": (waiting.orphan_tasks, LIB, "group.create_task(f())\n"),
    "a task of the runtime": (waiting.orphan_tasks, RUNTIME, asynchronous("asyncio.create_task(f())")),
    "a task of a test": (waiting.orphan_tasks, TEST, "asyncio.create_task(f())\n"),
    "a wall clock of the place for it": (clocks.wall_clocks, WALLCLOCK, "now = datetime.now(UTC)\n"),
    "a wall clock of a service": (clocks.wall_clocks, APP, "now = datetime.now(UTC)\n"),
    "a clock of the system by default": (clocks.presents, LIB, "from fp_kernel import SystemClock\n"),
    "a clock that was given to what ships": (clocks.presents, APP, "now = clock.now()\n"),
    "a stopwatch of what ships": (clocks.presents, APP, "began = time.monotonic()\n"),
    "a clock that was given": (clocks.wall_clocks, TEST, "now = clock.now()\n"),
    "a fixed time": (clocks.wall_clocks, TEST, "now = datetime(2027, 6, 15, tzinfo=UTC)\n"),
    "a stopwatch of a proof": (clocks.stopwatches, "tests/proof/test_planted.py", "began = time.monotonic()\n"),
    "a monotonic reading of a clock": (clocks.stopwatches, TEST, "began = clock.monotonic()\n"),
    "a sleep that yields": (waiting.blocking_sleeps, APP, "import asyncio\nasyncio.sleep(1)\n"),
    "a wait with a time-out": (waiting.losing_waits, TEST, asynchronous("asyncio.timeout(1)")),
    "a patient client": (waiting.impatient_clients, TEST, "httpx.Client(timeout=PATIENCE)\n"),
    "a client that trusts nobody": (costs.authorities, TEST, "httpx.Client(verify=NO_TLS)\n"),
    "a client without a wire": (costs.authorities, TEST, "httpx.AsyncClient(transport=app)\n"),
    "a client of the machine's trust": (costs.authorities, APP, "httpx.AsyncClient(timeout=9)\n"),
    "a patient bound": (waiting.hasty_bounds, TEST, asynchronous("asyncio.timeout(PATIENCE)")),
    "a time that runs out": (waiting.hasty_bounds, TEST, asynchronous("asyncio.timeout(0.05)")),
    "a bound of a service": (waiting.hasty_bounds, APP, asynchronous("asyncio.timeout(10)")),
    "a client of a service": (waiting.impatient_clients, APP, "httpx.AsyncClient(**options)\n"),
    "a wait of another kind": (waiting.losing_waits, TEST, asynchronous("spans.wait_for(f)")),
    "a package that joins": (glue.joining_modules, "libs/rpc/src/fp_rpc/planted/__init__.py", GLUE),
    "a test that joins": (glue.joining_modules, TEST, GLUE),
    "an error of one kind": (glue.joining_modules, APP, f"{GLUE}\n\nclass A(B):\n    pass\n"),
    "a class that joins and adds": (glue.joining_modules, APP, f"{GLUE}\n\nclass A(B, C):\n    x = 1\n"),
    "a program": (glue.joining_modules, APP, f"{GLUE}\nB()\n"),
    "a module of words": (glue.joining_modules, APP, '"""Nothing yet."""\n'),
    "a bite by an index": (
        bites.unordered,
        APP,
        "Q = 'DELETE FROM a WHERE ctid = ANY(array(SELECT ctid FROM a WHERE b < $1 ORDER BY b LIMIT $2))'\n",
    ),
    "a change where it is needed": (at_import.changes, APP, "import csv\ndef f():\n    csv.field_size_limit(9)\n"),
    "a call of an own object": (at_import.changes, APP, "from fp_cli import a\na.add_to(1)\n"),
    "a time that is a parameter": (database_time.business_time, APP, "Q = 'INSERT INTO a VALUES ($1, $2)'\n"),
    "a lease that a test moves": (database_time.business_time, TEST, "Q = 'UPDATE a SET due_at = now()'\n"),
    "a time of a clock": (database_time.business_time, APP, "at = clock.now()\n"),
    "a time of the database in words": (database_time.business_time, APP, '"""Not now() of the database."""\n'),
    "a time of the database in a comment": (database_time.business_time, SQL, "-- no now() here\n"),
    "a decision": (decisions.pages, DECISION, page()),
    "a decision that another replaced": (decisions.pages, DECISION, page(status="superseded by [0096](0096-a.md)")),
    "a link": (pages.truths, PAGE, "[there](reading.md), [away](https://example.com/a.md)\n"),
    "a file by the end of its path": (pages.truths, PAGE, "See `app/create_user.py`.\n"),
    "a file that a decision names": (pages.truths, DECISION, "It was in `app/gone_with_it.py`.\n"),
    "a setting": (pages.truths, PAGE, "Set `FP_DATABASE_URL`.\n"),
    "a known permission": (access.options, PROTO, option('permission: "models:read"')),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), PLANTS.values(), ids=PLANTS)
def test_a_planted_violation_is_found(plant_alone, rule, path, text):
    assert path in {violation.path for violation in rule(plant_alone(path, text))}


@pytest.mark.parametrize(("rule", "path", "text"), NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_what_only_looks_like_a_violation_is_left_alone(plant, rule, path, text):
    assert path not in {violation.path for violation in rule(plant(path, text))}


def test_an_exemption_covers_its_file_and_rule_and_no_other(plant_alone):
    violations = list(sizes.files(plant_alone(APP, "x = 1\n" * 301)))
    covering = exemptions.Exemption(sizes.FILE_RULE, APP, "grown")

    assert APP not in {violation.path for violation in exemptions.remaining(violations, [covering])}
    for other in (exemptions.Exemption(sizes.FUNCTION_RULE, APP, ""), exemptions.Exemption(sizes.FILE_RULE, LIB, "")):
        assert APP in {violation.path for violation in exemptions.remaining(violations, [other])}
        assert exemptions.unused(violations, [other]) == [other]
