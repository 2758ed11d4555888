"""What the story finds again among more than one page holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.notification.v1 import notification_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_flights import tracking
from fp_flights.story import executions, rule, runs
from fp_flights.story.receiver import Receiver
from fp_kernel import AlreadyExists, NotFound


class Notification:
    """Holds a rule of each name, a page each."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    async def CreateRule(self, request):
        if request.name in self.names:
            raise AlreadyExists("there is one")
        self.names.append(request.name)
        return notification_pb2.CreateRuleResponse(rule={"id": f"id of {request.name}"})

    async def ListRules(self, request):
        at = int(request.pagination.page_token or 0)
        found = notification_pb2.ListRulesResponse(rules=[{"id": f"id of {self.names[at]}", "name": self.names[at]}])
        found.pagination.next_page_token = str(at + 1) if at + 1 < len(self.names) else ""
        return found

    async def DeleteRule(self, request):
        self.names.remove(request.id.removeprefix("id of "))

    async def GetWebhookSecret(self, _):
        return notification_pb2.GetWebhookSecretResponse(secret="secret")


@pytest.fixture
def no_socket(monkeypatch):
    @asynccontextmanager
    async def listening() -> AsyncIterator[Receiver]:
        yield Receiver("http://127.0.0.1:1")

    monkeypatch.setattr(rule, "listening", listening)


async def test_a_rule_of_a_story_that_was_broken_off_is_found_behind_the_first_page(no_socket):
    notification = Notification("other", "another", rule.NAME)
    session = SimpleNamespace(notification=notification)
    async with rule.receiving(session, SimpleNamespace(say=lambda _: None), near=True):
        assert notification.names == ["other", "another", rule.NAME]
    assert notification.names == ["other", "another"]


async def test_a_pipeline_that_is_there_is_asked_for_by_its_name():
    class Pipeline:
        async def CreatePipeline(self, request):
            raise AlreadyExists("there is one")

        async def GetPipeline(self, request):
            return pipeline_pb2.GetPipelineResponse(pipeline={"id": f"id of {request.name}"})

    assert await executions.apply(SimpleNamespace(pipeline=Pipeline()), {"name": "train"}) == "id of train"


class Experiment:
    """Answers those of the name that is asked for."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.asked = ""

    async def ListExperiments(self, request):
        found = [{"id": f"id of {name}"} for name in self._names if name == request.name]
        return experiment_pb2.ListExperimentsResponse(experiments=found)

    async def ListRuns(self, request):
        self.asked = request.experiment_id
        return experiment_pb2.ListRunsResponse()

    async def CompareRuns(self, _):
        return experiment_pb2.CompareRunsResponse()


async def test_runs_are_those_of_the_experiment_of_the_trainings_however_many_there_are():
    experiment = Experiment("other", tracking.EXPERIMENT)
    assert await runs.compared(SimpleNamespace(experiment=experiment)) == []
    assert experiment.asked == f"id of {tracking.EXPERIMENT}"


async def test_no_experiment_is_said_by_its_name():
    with pytest.raises(NotFound, match=tracking.EXPERIMENT):
        await runs.compared(SimpleNamespace(experiment=Experiment("other")))
