import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_cli import definitions
from fp_kernel import InvalidArgument

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
