"""Commands that read an object, change a part of it and write it whole expect what they have read."""

from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import pytest
from forgepoint.auth.v1 import teams_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_cli import client as clients
from fp_cli import definitions
from fp_cli.commands import monitors, teams
from fp_cli.output import State
from fp_kernel import AlreadyExists


class Platform:
    """Has one of each, at revision 7. expected: what its changes expected."""

    def __init__(self):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.expected = []

    def call(self, _, request):
        if "expected_revision" in request.DESCRIPTOR.fields_by_name:
            self.expected.append(request.expected_revision if request.HasField("expected_revision") else None)
        if isinstance(request, pipeline_pb2.CreatePipelineRequest):
            raise AlreadyExists("name: is taken")
        monitor = monitor_pb2.Monitor(model_name="m", revision=7)
        return SimpleNamespace(
            status=monitor_pb2.MonitorStatus(monitor=monitor),
            monitor=monitor,
            created=False,
            team=teams_pb2.Team(id="alpha", revision=7),
            pipeline=pipeline_pb2.PipelineDefinition(id="1", name="p", revision=7),
        )


@pytest.fixture
def platform(monkeypatch):
    found = Platform()

    @contextmanager
    def connect(_):
        yield found

    monkeypatch.setattr(clients, "connect", connect)
    return found


CONTEXT = SimpleNamespace(obj=State())


def test_a_monitor_is_paused_as_it_was_read(platform):
    monitors.pause(CONTEXT, "m")
    assert platform.expected == [7]


def test_a_limit_of_a_team_is_set_beside_the_one_that_was_read(platform):
    teams.update_team(CONTEXT, "alpha", name=None, max_users=3, max_keys=None)
    assert platform.expected == [7]


def test_a_pipeline_is_replaced_as_it_was_compared(platform):
    step = pipeline_pb2.StepDefinition(id="t")
    definitions.apply(platform, pipeline_pb2.CreatePipelineRequest(name="p", steps=[step]), "")
    assert platform.expected == [7]
