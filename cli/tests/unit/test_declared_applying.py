import grpc
import pytest
from forgepoint.auth.v1 import declarations_pb2, roles_pb2
from forgepoint.billing.v1 import billing_pb2
from forgepoint.notification.v1 import notification_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_cli.declared import applying, differences, sets
from fp_cli.declared.document import Declaration
from fp_cli.declared.kinds import KINDS
from fp_kernel import NotFound, PermissionDenied, Unavailable


class Platform:
    """Has roles and pipelines; remembers what was written, in order. refused: raised for a role of that name."""

    def __init__(self):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.roles, self.pipelines, self.written = {}, {}, []
        self.refused, self.sets, self.plans, self.rules = {}, {}, {}, {}

    def call(self, _, request):
        return getattr(self, f"_{type(request).__name__}")(request)

    def pages(self, _, request, field, limit):
        if field == "objects":
            for (kind, name), owner in self.sets.items():
                yield declarations_pb2.DeclaredObject(kind=kind, name=name, set=owner)
        else:
            yield from {"pipelines": self.pipelines, "rate_plans": self.plans, "rules": self.rules}[field].values()

    def _RecordDeclaredObjectsRequest(self, request):
        self.sets |= {(each.kind, each.name): request.set for each in request.applied}
        for each in request.removed:
            del self.sets[each.kind, each.name]

    def _ListRolesRequest(self, _):
        built_in = roles_pb2.TeamRole(name="viewer", built_in=True, scopes=["models:read"])
        return roles_pb2.ListRolesResponse(roles=[built_in, *self.roles.values()])

    def _CreateRoleRequest(self, request):
        if request.name in self.refused:
            raise self.refused[request.name]
        self.written.append(("create", request.name))
        self.roles[request.name] = roles_pb2.TeamRole(
            name=request.name, description=request.description, scopes=request.scopes
        )

    def _UpdateRoleRequest(self, request):
        self.written.append(("change", request.name))
        self.roles[request.name].description = request.description
        self.roles[request.name].scopes[:] = request.scopes

    def _DeleteRoleRequest(self, request):
        self.written.append(("delete", request.name))
        del self.roles[request.name]

    def _CreatePipelineRequest(self, request):
        self.written.append(("create", request.name))
        found = pipeline_pb2.PipelineDefinition(id=f"id of {request.name}", name=request.name, type=request.type)
        found.steps.extend(request.steps)
        found.then_pipeline_id = request.then_pipeline_id
        self.pipelines[request.name] = found

    def _GetPipelineRequest(self, request):
        for found in self.pipelines.values():
            if request.name == found.name or found.id == request.pipeline_id:
                return pipeline_pb2.GetPipelineResponse(pipeline=found)
        raise NotFound("there is no such pipeline")

    def _DeleteRuleRequest(self, request):
        assert request.id in self.rules

    def _GetRatePlanRequest(self, request):
        if request.name not in self.plans:
            raise NotFound("there is no such plan")
        return billing_pb2.GetRatePlanResponse(rate_plan=self.plans[request.name])

    def _DeletePipelineRequest(self, request):
        found = next(each for each in self.pipelines.values() if each.id == request.pipeline_id)
        self.written.append(("delete", found.name))
        del self.pipelines[found.name]

    def _UpdatePipelineRequest(self, request):
        found = next(each for each in self.pipelines.values() if each.id == request.pipeline_id)
        self.written.append(("change", found.name))
        del found.steps[:]
        found.steps.extend(request.steps)
        found.then_pipeline_id = request.then_pipeline_id


def role(name, **spec):
    return Declaration("Role", name, {"scopes": ["models:read"], **spec}, "a.yaml")


def pipeline(name, **spec):
    steps = [{"id": "a", "type": "TRAIN"}]
    return Declaration("Pipeline", name, {"type": "TRAINING_DAG", "steps": steps, **spec}, "a.yaml")


def applied(platform, *declarations, dry_run=False):
    found = applying.apply(platform, applying.wanted(declarations), dry_run=dry_run)
    return {each.name: each.outcome for each in found}


def test_what_is_declared_is_created_then_left_alone_then_changed():
    platform = Platform()
    assert applied(platform, role("a"), pipeline("b")) == {"a": "created", "b": "created"}
    platform.written.clear()

    assert applied(platform, role("a"), pipeline("b")) == {"a": "unchanged", "b": "unchanged"}
    assert platform.written == []

    changed = pipeline("b", steps=[{"id": "a", "type": "TRAIN", "timeout": "60s"}])
    assert applied(platform, role("a", description="d"), changed) == {"a": "changed", "b": "changed"}
    assert platform.written == [("change", "a"), ("change", "b")]


def test_what_a_file_says_no_more_is_taken_away():
    platform = Platform()
    applied(platform, role("a", description="d"), pipeline("x"), pipeline("b", then_pipeline="x"))

    applied(platform, role("a"), pipeline("x"), pipeline("b"))

    assert platform.roles["a"].description == ""
    assert platform.pipelines["b"].then_pipeline_id == ""


def test_a_dry_run_says_the_same_and_writes_nothing():
    platform = Platform()
    platform.roles["a"] = roles_pb2.TeamRole(name="a", scopes=["runs:read"])

    said = applied(platform, role("a"), pipeline("x", then_pipeline="y"), pipeline("y"), dry_run=True)

    assert said == {"a": "changed", "y": "created", "x": "created"}
    assert platform.written == []


def test_what_others_name_comes_first_whatever_the_order_of_files():
    platform = Platform()

    applied(platform, pipeline("a", then_pipeline="b"), pipeline("b", then_pipeline="c"), pipeline("c"), role("z"))

    assert [name for _, name in platform.written] == ["z", "c", "b", "a"]
    assert platform.pipelines["a"].then_pipeline_id == "id of b"


def test_a_circle_is_refused_by_the_platform_and_does_not_hang():
    assert applied(Platform(), pipeline("a", then_pipeline="b"), pipeline("b", then_pipeline="a"))["a"] == "failed"


def test_one_that_fails_does_not_keep_the_others():
    platform = Platform()
    platform.refused["a"] = PermissionDenied("roles are an admin's")

    assert applied(platform, role("a"), role("b")) == {"a": "failed", "b": "created"}


def test_a_platform_that_is_away_ends_it():
    platform = Platform()
    platform.refused["a"] = Unavailable("nothing answers")

    with pytest.raises(Unavailable):
        applied(platform, role("a"), role("b"))


def test_the_order_of_scopes_is_no_difference():
    platform = Platform()
    applied(platform, role("a", scopes=["x:read", "y:read"]))

    assert applied(platform, role("a", scopes=["y:read", "x:read"])) == {"a": "unchanged"}


def test_roles_of_the_platform_are_not_the_teams():
    assert list(KINDS["Role"].all(Platform())) == []


def test_another_type_of_pipeline_is_refused_by_name():
    platform = Platform()
    applied(platform, pipeline("a"))

    (outcome,) = applying.apply(platform, applying.wanted([pipeline("a", type="BATCH_INFERENCE")]), dry_run=False)

    assert outcome.outcome == "failed"
    assert "the type of a Pipeline never changes" in outcome.error.message


def test_pruning_deletes_what_others_name_last_and_passes_over_what_is_gone():
    platform = Platform()
    platform.roles["a"] = roles_pb2.TeamRole(name="a", scopes=["runs:read"])

    platform.pipelines["p"] = pipeline_pb2.PipelineDefinition(id="7", name="p")

    goes = [("Role", "a"), ("Role", "gone"), ("Pipeline", "p")]
    found = list(applying.prune(platform, [applying.going(platform, KINDS[kind], name) for kind, name in goes]))

    assert [(each.name, each.outcome) for each in found] == [("p", "pruned"), ("a", "pruned"), ("gone", "pruned")]
    assert platform.written == [("delete", "p"), ("delete", "a")]


def test_a_difference_is_shown_as_text_of_the_files():
    platform = Platform()
    platform.roles["a"] = roles_pb2.TeamRole(name="a", scopes=["runs:read"])
    (outcome,) = applying.apply(platform, applying.wanted([role("a")]), dry_run=True)

    lines = list(differences.lines(outcome))

    assert lines[:2] == ["--- platform/Role/a", "+++ files/Role/a"]
    assert ("-  - runs:read" in lines, "+  - models:read" in lines) == (True, True)


def kept(platform, name, *declarations, dry_run=False):
    """Outcomes by name of applying and pruning a set."""
    of = sets.Kept(platform, name)
    objects = applying.wanted(declarations)
    return {each.name: each.outcome for each in of.apply(objects, of.no_longer(objects), dry_run=dry_run)}


def test_a_set_deletes_what_it_declares_no_more_and_nothing_else():
    platform = Platform()
    platform.roles["by hand"] = roles_pb2.TeamRole(name="by hand", scopes=["models:read"])
    kept(platform, "one", role("a"), role("b"))
    kept(platform, "two", role("c"))
    applied(platform, role("without a set"))

    assert kept(platform, "one", role("a"), dry_run=True) == {"a": "unchanged", "b": "pruned"}
    assert "b" in platform.roles
    assert kept(platform, "one", role("a")) == {"a": "unchanged", "b": "pruned"}

    assert set(platform.roles) == {"by hand", "a", "c", "without a set"}
    assert platform.sets == {("Role", "a"): "one", ("Role", "c"): "two"}
    assert kept(platform, "one", role("a")) == {"a": "unchanged"}


def test_an_object_of_another_set_is_refused_and_left_as_it_is():
    platform = Platform()
    kept(platform, "one", role("a"))

    assert kept(platform, "two", role("a", description="d"), role("b")) == {"a": "failed", "b": "created"}

    assert platform.roles["a"].description == ""
    assert platform.sets["Role", "a"] == "one"


def test_nothing_is_deleted_where_something_failed():
    """It may be the other name of what would go."""
    platform = Platform()
    kept(platform, "one", role("a"))
    platform.refused["b"] = PermissionDenied("no")

    assert kept(platform, "one", role("b")) == {"b": "failed"}
    assert "a" in platform.roles


def test_a_dry_run_deletes_nothing_either_where_something_fails():
    platform = Platform()
    kept(platform, "one", role("a"))
    kept(platform, "two", role("b"))

    assert kept(platform, "one", role("b"), dry_run=True) == {"b": "failed"}


def test_a_rule_is_found_however_its_name_is_written():
    """The platform keeps names of rules without spaces around them, in the composed form."""
    platform = Platform()
    platform.rules["1"] = notification_pb2.NotificationRule(id="1", name="caf\u00e9", patterns=["fp.>"])
    for name in ("caf\u00e9", "cafe\u0301", " caf\u00e9 "):
        declared = Declaration("NotificationRule", name, {"patterns": ["fp.>"]}, "a.yaml")
        assert applied(platform, declared) == {name: "unchanged"}
        of = KINDS["NotificationRule"]
        of.delete(platform, name, of.find(platform, name))


def test_what_only_a_later_command_knows_is_not_deleted():
    platform = Platform()
    platform.sets["Garden", "g"] = "one"

    assert kept(platform, "one", role("a")) == {"a": "created"}


def test_what_nobody_can_delete_is_said_once():
    platform = Platform()
    platform.sets["RatePlan", "p"] = "one"
    platform.plans["p"] = billing_pb2.RatePlan(name="p")

    assert kept(platform, "one", role("a")) == {"a": "created", "p": "failed"}
    assert kept(platform, "one", role("a")) == {"a": "unchanged"}


def test_what_is_there_already_becomes_the_sets():
    platform = Platform()
    applied(platform, role("a"))

    kept(platform, "one", role("a"))

    assert platform.sets == {("Role", "a"): "one"}
