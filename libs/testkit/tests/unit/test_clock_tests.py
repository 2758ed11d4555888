"""A test that touches time is marked, whoever wrote it."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fp_testkit import clock_tests
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port

SOURCES = {
    "a date": ("from datetime import datetime", True),
    "a duration": ("from datetime import timedelta", True),
    "a zone": ("from datetime import UTC", True),
    "the module of dates": ("import datetime", True),
    "the module of seconds": ("import time", True),
    "a clock": ("from fp_testkit.clock import ManualClock", True),
    "the moment": ("from fp_testkit.wallclock import MOMENT", True),
    "a timestamp": ("from google.protobuf.timestamp_pb2 import Timestamp", True),
    "patience": ("from fp_testkit.patience import PATIENCE", False),
    "nothing of it": ("import json", False),
}


@pytest.mark.parametrize(("source", "marked"), SOURCES.values(), ids=SOURCES)
def test_a_module_that_names_time_marks_its_tests(source, marked):
    namespace = {"__name__": "planted"}
    exec(source, namespace)  # noqa: S102 -- a module, planted
    assert clock_tests.names_time(namespace) == marked


def test_a_fixture_that_names_time_marks_the_test_that_asks_for_it(request):
    namespace = {"__name__": "planted"}
    exec("from datetime import UTC\ndef world(): pass", namespace)  # noqa: S102 -- a module, planted
    definition = SimpleNamespace(func=namespace["world"])
    item = Item({"world": (definition,)})
    clock_tests.mark([item])
    assert item.marks == ["clock"]


def test_a_test_of_other_things_is_not_marked():
    item = Item({})
    clock_tests.mark([item])
    assert item.marks == []


@pytest.mark.parametrize("name", ["platform", "s3"])
def test_what_other_programs_judge_keeps_the_real_time(name):
    item = Item({}, name, "clock")
    clock_tests.mark([item])
    assert item.marks == ["clock", "real_time"]


def test_a_module_that_starts_programs_keeps_the_real_time():
    item = Item({}, "clock")
    item.module = SimpleNamespace(sys=sys, free_port=free_port)
    clock_tests.mark([item])
    assert item.marks == ["clock", "real_time"]


@pytest.mark.parametrize("names", [{"sys": sys}, {"free_port": free_port}])
def test_a_module_that_only_names_a_port_or_the_interpreter_does_not(names):
    item = Item({}, "clock")
    item.module = SimpleNamespace(**names)
    clock_tests.mark([item])
    assert item.marks == ["clock"]


class Item:
    """As much of a test as is asked."""

    def __init__(self, definitions, *names):
        self.module = SimpleNamespace(json=None)
        self.fixturenames = names
        self._fixtureinfo = SimpleNamespace(name2fixturedefs=definitions)
        self.marks = []

    def add_marker(self, marker):
        self.marks.append(marker.name)


CALL_TO_NOBODY = """
import asyncio, grpc
from fp_testkit import clock_tests
clock_tests.travel()

async def call():
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        try:
            await channel.unary_unary("/s/M")(b"", timeout=0.1, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            print(error.code().name)

asyncio.run(call())
"""


def test_a_call_ends_at_its_deadline_when_the_tests_are_at_another_date():
    ended = subprocess.run(
        [sys.executable, "-c", CALL_TO_NOBODY],
        env=os.environ | {"FP_TEST_MOMENT": "2100-01-31T12:00:00+00:00"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert ended.stdout == "DEADLINE_EXCEEDED\n"
