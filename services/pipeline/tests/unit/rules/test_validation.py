"""A draft that cannot run is refused, and the error names the field."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fp_kernel import InvalidArgument
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.validation import MAX_STEPS, JobModules, check, earlier

MODULES = JobModules(frozenset({"work", "tools.clean"}))
JOB = {"module": "work.train"}


def step(step_id: str, kind: StepType = StepType.CUSTOM, *parents: str, **fields: Any) -> StepDefinition:
    config = fields.pop("config", JOB if kind in {StepType.CUSTOM, StepType.TRAIN, StepType.EVALUATE} else {})
    return StepDefinition(id=step_id, type=kind, depends_on=parents, config=config, **fields)


def graph(*steps: StepDefinition) -> PipelineDraft:
    return PipelineDraft("nightly", PipelineType.TRAINING_DAG, steps)


def saga(*steps: StepDefinition) -> PipelineDraft:
    return PipelineDraft("deploy", PipelineType.DEPLOYMENT_SAGA, steps)


def field_of(draft: PipelineDraft) -> str:
    with pytest.raises(InvalidArgument) as raised:
        check(draft, MODULES)
    (violation,) = raised.value.fields
    return violation.field


REFUSED = {
    "without a name": (PipelineDraft("", PipelineType.TRAINING_DAG, (step("a"),)), "name"),
    "with a name of control characters": (PipelineDraft("a\nb", PipelineType.TRAINING_DAG, (step("a"),)), "name"),
    "without a type": (PipelineDraft("a", None, (step("a"),)), "type"),
    "without steps": (graph(), "steps"),
    "with too many steps": (graph(*(step(f"s{number}") for number in range(MAX_STEPS + 1))), "steps"),
    "with an empty id": (graph(step("a"), step("")), "steps[1].id"),
    "with an id that is a path": (graph(step("../a")), "steps[0].id"),
    "with an id twice": (graph(step("a"), step("a")), "steps[1].id"),
    "with an unknown parent": (graph(step("a"), step("b", StepType.CUSTOM, "x")), "steps[1].depends_on"),
    "with a step that waits for itself": (graph(step("a", StepType.CUSTOM, "a")), "steps[0].depends_on"),
    "with a parent twice": (graph(step("a"), step("b", StepType.CUSTOM, "a", "a")), "steps[1].depends_on"),
    "with a cycle": (
        graph(
            step("start"),
            step("a", StepType.CUSTOM, "c", "start"),
            step("b", StepType.CUSTOM, "a"),
            step("c", StepType.CUSTOM, "b"),
        ),
        "steps[1].depends_on",
    ),
    "with a negative time-out": (graph(step("a", timeout=-1)), "steps[0].timeout"),
    "with a time-out of days": (graph(step("a", timeout=100_000)), "steps[0].timeout"),
    "with endless retries": (graph(step("a", max_retries=11)), "steps[0].max_retries"),
    "with a large config": (graph(step("a", config=JOB | {"text": "x" * 40_000})), "steps[0].config"),
    "with a config of infinity": (graph(step("a", config=JOB | {"rate": float("inf")})), "steps[0].config.rate"),
    "with a config that nests too deeply": (
        graph(step("a", config=JOB | {"x": json.loads("[" * 40 + "]" * 40)})),
        "steps[0].config.x" + "[0]" * 32,
    ),
    "with a config of NUL": (graph(step("a", config=JOB | {"text": "a\0"})), "steps[0].config.text"),
    "with a job without module": (graph(step("a", config={})), "steps[0].config.module"),
    "with a module that is not allowed": (graph(step("a", config={"module": "os"})), "steps[0].config.module"),
    "with a module beside an allowed one": (
        graph(step("a", config={"module": "tools.cleaner"})),
        "steps[0].config.module",
    ),
    "with an output that is a path": (
        graph(step("a", config=JOB | {"outputs": ["ok", "../x"]})),
        "steps[0].config.outputs[1]",
    ),
    "with the result as an output": (
        graph(step("a", config=JOB | {"outputs": ["result.json"]})),
        "steps[0].config.outputs[0]",
    ),
    "with a minimum that is no number": (
        graph(step("a", StepType.EVALUATE, config=JOB | {"minimum": {"auc": "high"}})),
        "steps[0].config.minimum.auc",
    ),
    "with an image that is none of ours": (
        graph(step("a", StepType.CUSTOM, config=JOB | {"machine": {"image": "elsewhere/work:1"}})),
        "steps[0].config.machine.image",
    ),
    "with memory that is no size": (
        graph(step("a", StepType.CUSTOM, config=JOB | {"machine": {"memory": "much"}})),
        "steps[0].config.machine.memory",
    ),
    "with a processor that is none": (
        saga(step("d", StepType.DEPLOY, config={"machine": {"cpu": "0"}})),
        "steps[0].config.machine.cpu",
    ),
    "with an image of a runtime": (
        saga(step("d", StepType.DEPLOY, config={"machine": {"image": "ours:1"}})),
        "steps[0].config.machine.image",
    ),
    "with a node that no label can name": (
        graph(step("a", StepType.CUSTOM, config=JOB | {"machine": {"node_selector": {"pool": "a b"}}})),
        "steps[0].config.machine.node_selector.pool",
    ),
    "with no replica": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"min": 0}})),
        "steps[0].config.replicas.min",
    ),
    "with fewer replicas at most than at least": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"min": 3, "max": 2}})),
        "steps[0].config.replicas.max",
    ),
    "with more replicas than run": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"min": 1, "max": 65}})),
        "steps[0].config.replicas.max",
    ),
    "with half a replica": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"min": 1.5}})),
        "steps[0].config.replicas.min",
    ),
    "with a replica that uses all and more": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"target": 101}})),
        "steps[0].config.replicas.target",
    ),
    "with a misspelt setting of replicas": (
        saga(step("d", StepType.DEPLOY, config={"replicas": {"minimum": 2}})),
        "steps[0].config.replicas.minimum",
    ),
    "with replicas that are a number": (
        saga(step("d", StepType.DEPLOY, config={"replicas": 2})),
        "steps[0].config.replicas",
    ),
    "with a misspelt setting": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"wieght_bps": 1})),
        "steps[1].config.wieght_bps",
    ),
    "with a canary that allows more errors than there are requests": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"max_error_rate": 2})),
        "steps[1].config.max_error_rate",
    ),
    "with a canary that judges nobody": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"max_error_rate": 0.1, "min_samples": 0})),
        "steps[1].config.min_samples",
    ),
    "with a canary that cannot decide": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"on_no_traffic": "hope"})),
        "steps[1].config.on_no_traffic",
    ),
    "with a canary that outlasts its attempt": (
        saga(
            step("d", StepType.DEPLOY),
            step("c", StepType.CANARY, config={"min_samples": 10, "timeout_seconds": 600}, timeout=300.0),
        ),
        "steps[1].timeout",
    ),
    "with a backtest of no metric": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {}})),
        "steps[0].config.backtest.metric",
    ),
    "with a backtest of a metric that nobody knows": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "beauty"}})),
        "steps[0].config.backtest.metric",
    ),
    "with a backtest by a module that is not allowed": (
        saga(step("e", StepType.EVALUATE, config={"backtest": {"metric": "auc"}})),
        "steps[0].config.module",
    ),
    "with a misspelt setting of a backtest": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "auc", "max_los": 1}})),
        "steps[0].config.backtest.max_los",
    ),
    "with a backtest of no time": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "auc", "days": 0}})),
        "steps[0].config.backtest.days",
    ),
    "with a backtest that cannot decide": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "auc", "on_too_few": "hope"}})),
        "steps[0].config.backtest.on_too_few",
    ),
    "with a backtest and a contest": (
        saga(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "auc"}, "incumbent": True})),
        "steps[0].config.backtest",
    ),
    "with a backtest of no version": (
        graph(step("e", StepType.EVALUATE, config=JOB | {"backtest": {"metric": "auc"}})),
        "steps[0].config.backtest",
    ),
    "with a contest for nothing": (
        graph(step("e", StepType.EVALUATE, config=JOB | {"incumbent": True})),
        "steps[0].config.metric",
    ),
    "with a canary of everything": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"weight_bps": 10_000})),
        "steps[1].config.weight_bps",
    ),
    "with a canary that has no time": (
        saga(step("d", StepType.DEPLOY), step("c", StepType.CANARY, config={"min_seconds": 60}, timeout=30)),
        "steps[1].timeout",
    ),
    "with a deployment that nothing can undo": (graph(step("d", StepType.DEPLOY)), "steps[0].type"),
    "with a promotion of nothing": (saga(step("p", StepType.PROMOTE)), "steps[0].type"),
    "with a promotion before the deployment": (
        saga(step("d", StepType.DEPLOY, "p"), step("p", StepType.PROMOTE)),
        "steps[1].type",
    ),
    "with two deployments": (saga(step("a", StepType.DEPLOY), step("b", StepType.DEPLOY)), "steps[1].type"),
    "with a compensation in a graph": (
        graph(step("a", compensation_step_id="b"), step("b")),
        "steps[0].compensation_step_id",
    ),
    "with an unknown compensation": (saga(step("a", compensation_step_id="x")), "steps[0].compensation_step_id"),
    "with a step that undoes itself": (saga(step("a", compensation_step_id="a")), "steps[0].compensation_step_id"),
    "with a compensation that is no job": (
        saga(step("a", compensation_step_id="v"), step("v", StepType.VALIDATE)),
        "steps[0].compensation_step_id",
    ),
    "with a compensation for two": (
        saga(step("a", compensation_step_id="u"), step("b", compensation_step_id="u"), step("u")),
        "steps[1].compensation_step_id",
    ),
    "with a compensation of a deployment": (
        saga(step("d", StepType.DEPLOY, compensation_step_id="u"), step("u")),
        "steps[0].compensation_step_id",
    ),
    "with a step that waits for a compensation": (
        saga(step("a", compensation_step_id="u"), step("u"), step("b", StepType.CUSTOM, "u")),
        "steps[2].depends_on",
    ),
    "with a registration of nothing": (graph(step("r", StepType.REGISTER)), "steps[0].config.artifact"),
    "with a registration of a step beside it": (
        graph(
            step("t", StepType.TRAIN, config=JOB | {"outputs": ["model.onnx"]}),
            step("r", StepType.REGISTER, config={"artifact": "t/model.onnx"}),
        ),
        "steps[1].config.artifact",
    ),
    "with a registration of a file nobody makes": (
        graph(step("t", StepType.TRAIN), step("r", StepType.REGISTER, "t", config={"artifact": "t/model.onnx"})),
        "steps[1].config.artifact",
    ),
    "with metrics of a step behind it": (
        graph(
            step("t", StepType.TRAIN, config=JOB | {"outputs": ["model.onnx"]}),
            step("r", StepType.REGISTER, "t", config={"metrics": "e"}),
            step("e", StepType.EVALUATE, "r"),
        ),
        "steps[1].config.metrics",
    ),
}


@pytest.mark.parametrize(("draft", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_draft_is_refused_with_the_field(draft, field):
    assert field_of(draft) == field


def test_the_error_of_a_cycle_shows_the_way_round():
    draft = graph(step("a", StepType.CUSTOM, "b"), step("b", StepType.CUSTOM, "a"))
    with pytest.raises(InvalidArgument, match="a -> b -> a"):
        check(draft, MODULES)


def test_a_module_below_an_allowed_one_may_run():
    assert check(graph(step("a", config={"module": "work.deep.inside"})), MODULES)


def test_a_job_may_have_settings_of_its_own():
    assert check(graph(step("a", config=JOB | {"months": [1, 2]})), MODULES)


@pytest.mark.parametrize("kind", [PipelineType.TRAINING_DAG, PipelineType.DEPLOYMENT_SAGA])
def test_a_pipeline_that_registers_nothing_has_nothing_to_hand_on(kind):
    with pytest.raises(InvalidArgument, match="then_pipeline_id"):
        check(PipelineDraft("a", kind, (step("a"),), then_pipeline_id="x"), MODULES)


def test_a_registration_takes_the_only_training_and_evaluation_before_it():
    trained = step("t", StepType.TRAIN, config=JOB | {"outputs": ["model.onnx", "profile.json"]})
    draft = graph(trained, step("e", StepType.EVALUATE, "t"), step("r", StepType.REGISTER, "e"))
    register = check(draft, MODULES).steps[2]
    assert register.config == {"artifact": "t/model.onnx", "profile": "t/profile.json", "metrics": "e"}


def test_a_saga_may_use_whatever_came_before_and_a_graph_only_its_ancestors():
    steps = (step("a"), step("b"), step("c", StepType.CUSTOM, "b"))
    assert earlier(PipelineType.DEPLOYMENT_SAGA, steps, "c") == {"a", "b"}
    assert earlier(PipelineType.TRAINING_DAG, steps, "c") == {"b"}


@pytest.mark.parametrize("name", [" nightly", "nightly ", " "])
def test_a_name_has_no_space_around_it(name):
    draft = PipelineDraft(name, PipelineType.TRAINING_DAG, (step("a"),))
    assert field_of(draft) == "name"
    named = replace(step("a"), name=name)
    assert field_of(graph(named)) == "steps[0].name"
