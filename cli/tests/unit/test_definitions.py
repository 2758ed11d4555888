from unittest.mock import MagicMock

import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_cli import definitions
from fp_kernel import AlreadyExists, InvalidArgument

JSON = '{"name": "p", "type": "PIPELINE_TYPE_TRAINING_DAG", "steps": [{"id": "a", "maxRetries": 2}]}'
YAML = """
name: p
type: PIPELINE_TYPE_TRAINING_DAG
steps:
  - id: a
    max_retries: 2
"""


@pytest.mark.parametrize("text", [JSON, YAML])
def test_json_and_yaml_say_the_same(text, tmp_path):
    file = tmp_path / "p"
    file.write_text(text)

    request = definitions.read(file)

    assert request.type == pb.PIPELINE_TYPE_TRAINING_DAG
    assert request.steps[0].max_retries == 2


@pytest.mark.parametrize("text", ["[]", "name: [", '{"nmae": "p"}'])
def test_what_is_no_pipeline_is_refused(text, tmp_path):
    file = tmp_path / "p"
    file.write_text(text)

    with pytest.raises(InvalidArgument, match="file"):
        definitions.read(file)


def test_inputs_are_pairs_or_objects():
    assert definitions.inputs(["model=m", '{"version": "3"}']) == {"model": "m", "version": "3"}


@pytest.mark.parametrize("value", ["model", "=m", "{not json"])
def test_an_input_that_is_neither_is_refused(value):
    with pytest.raises(InvalidArgument, match="input"):
        definitions.inputs([value])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: p\nname: q", "line 2: the key name is there twice"),
        ("steps:\n  - {id: a, config: {x: 1, x: 1}}", "line 2: the key x is there twice"),
        ("steps:\n  - {id: a, config: {as_of: 2013-03-01}}", "line 2: 2013-03-01 is a date to YAML"),
        ("steps:\n  - {id: a, config: {1: 2}}", "line 2: the key 1 must be text"),
    ],
)
def test_yaml_that_would_be_changed_in_silence_is_refused(text, said, tmp_path):
    file = tmp_path / "p"
    file.write_text(text)
    with pytest.raises(InvalidArgument, match=said):
        definitions.read(file)


def test_what_nests_too_deeply_is_refused_with_its_field(tmp_path):
    deep = '{"k":' * 40 + "1" + "}" * 40
    with pytest.raises(InvalidArgument, match="input: nests deeper than 32"):
        definitions.inputs([deep])
    file = tmp_path / "p"
    file.write_text('{"steps": [{"id": "a", "config": ' + deep + "}]}")
    with pytest.raises(InvalidArgument, match=r"steps\[0\]\.config: nests deeper than 32"):
        definitions.read(file)
    assert definitions.inputs(['{"k":' * 32 + "1" + "}" * 32])


class Platform:
    """A client of a platform that has one pipeline."""

    channel = None

    def __init__(self, there):
        self.there, self.asked = there, []

    def call(self, _, request):
        self.asked.append(request)
        if isinstance(request, pb.CreatePipelineRequest):
            raise AlreadyExists("name: the team has a pipeline 'p'")
        if isinstance(request, pb.GetPipelineRequest):
            return pb.GetPipelineResponse(pipeline=self.there)
        changed = pb.PipelineDefinition.FromString(self.there.SerializeToString())
        del changed.steps[:]
        changed.steps.extend(request.steps)
        return pb.UpdatePipelineResponse(pipeline=changed)


@pytest.mark.parametrize(("steps", "outcome"), [(["a"], "unchanged"), (["a", "b"], "changed")])
def test_a_pipeline_of_the_name_gets_the_steps_of_the_file(steps, outcome, monkeypatch):
    monkeypatch.setattr("fp_cli.definitions.pipeline_pb2_grpc.PipelineOrchestratorServiceStub", MagicMock())
    monkeypatch.setattr("fp_cli.names.pipeline_pb2_grpc.PipelineOrchestratorServiceStub", MagicMock())
    kind = pb.PIPELINE_TYPE_TRAINING_DAG
    platform = Platform(pb.PipelineDefinition(id="7", name="p", type=kind, steps=[pb.StepDefinition(id="a")]))
    wanted = pb.CreatePipelineRequest(name="p", type=kind, steps=[pb.StepDefinition(id=each) for each in steps])
    pipeline, became = definitions.apply(platform, wanted, "")
    assert (became, [step.id for step in pipeline.steps]) == (outcome, steps)
    assert [type(each) for each in platform.asked][2:] == [pb.UpdatePipelineRequest] * (outcome == "changed")


def test_a_pipeline_of_another_type_is_not_changed(monkeypatch):
    monkeypatch.setattr("fp_cli.definitions.pipeline_pb2_grpc.PipelineOrchestratorServiceStub", MagicMock())
    monkeypatch.setattr("fp_cli.names.pipeline_pb2_grpc.PipelineOrchestratorServiceStub", MagicMock())
    platform = Platform(pb.PipelineDefinition(id="7", name="p", type=pb.PIPELINE_TYPE_TRAINING_DAG))
    wanted = pb.CreatePipelineRequest(name="p", type=pb.PIPELINE_TYPE_DEPLOYMENT_SAGA)
    with pytest.raises(AlreadyExists):
        definitions.apply(platform, wanted, "")
