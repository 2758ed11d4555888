"""The Access option of every RPC of the contract."""

import importlib
from dataclasses import replace

import pytest
from fp_kernel import PermissionDenied, Principal, Unauthenticated
from fp_rpc import AccessRule, access_rules

NOUNS = {
    "auth": "auth",
    "registry": "registry",
    "inference": "inference",
    "serving": "serving",
    "pipeline": "pipeline",
    "featurestore": "featurestore",
    "experiment": "experiment",
    "billing": "billing",
    "notification": "notification",
    "monitor": "monitor",
    "ai": "ai_gateway",
    "platform": "platform",
}


@pytest.mark.parametrize("noun", NOUNS)
def test_every_method_of_the_contract_has_a_rule(noun):
    module = importlib.import_module(f"forgepoint.{noun}.v1.{NOUNS[noun]}_pb2")

    for service in module.DESCRIPTOR.services_by_name.values():
        rules = access_rules(service)
        assert set(rules) == {method.name for method in service.methods}


def test_a_method_without_the_option_has_no_rule(shapes):
    with pytest.raises(ValueError, match=r"NakedService\.Nothing has no Access option"):
        access_rules(shapes.pb.DESCRIPTOR.services_by_name["NakedService"])


def test_a_rule_says_whom_it_lets_in(viewer):
    AccessRule(public=True).permit(None)
    AccessRule().permit(viewer)
    AccessRule(permission="models:read").permit(viewer)
    with pytest.raises(Unauthenticated):
        AccessRule().permit(None)
    with pytest.raises(PermissionDenied):
        AccessRule(permission="models:write").permit(viewer)
    with pytest.raises(PermissionDenied):
        AccessRule(internal=True, callers=frozenset({"pipeline"})).permit(viewer)


def test_an_internal_method_is_for_the_services_that_it_names():
    rule = AccessRule(internal=True, callers=frozenset({"pipeline"}))
    pipeline = Principal("pipeline", "", "service", frozenset(), 4e9, service="pipeline")

    rule.permit(pipeline)
    rule.permit(pipeline.on_behalf_of("red", "user-1"))
    with pytest.raises(PermissionDenied) as refused:
        rule.permit(Principal("serving", "", "service", frozenset({"*:*"}), 4e9, service="serving"))
    assert refused.value.reason == "NOT_A_CALLER"


def test_a_service_that_is_named_by_nobody_calls_nothing_internal(viewer):
    """A person named like a service is no service either."""
    rule = AccessRule(internal=True, callers=frozenset({"pipeline"}))

    for caller in (replace(viewer, user_id="pipeline"), Principal("", "", "service", frozenset(), 4e9)):
        with pytest.raises(PermissionDenied):
            rule.permit(caller)


def test_a_job_calls_what_is_marked_for_jobs_and_nothing_else():
    job = Principal("user-1", "red", "job", frozenset({"experiments:write"}), 4e9, execution_id="e1")

    AccessRule(permission="experiments:write", jobs=True).permit(job)
    for rule in (AccessRule(permission="experiments:write"), AccessRule()):
        with pytest.raises(PermissionDenied) as refused:
            rule.permit(job)
        assert refused.value.reason == "NOT_FOR_JOBS"
    with pytest.raises(PermissionDenied) as refused:
        AccessRule(permission="models:write", jobs=True).permit(job)
    assert refused.value.reason == "PERMISSION_MISSING"


def test_what_is_for_logins_is_opened_by_no_other_credential():
    """The token of a workload was once taken for a person's, because it is neither a key nor a job's."""
    rule, person = AccessRule(login=True), Principal("user-1", "red", "admin", frozenset({"*:*"}), 4e9)

    rule.permit(replace(person, session_id="session-1"))
    others = (
        replace(person, api_key_id="key-1"),
        replace(person, role="job", execution_id="e1"),
        replace(person, role="workload"),
        Principal("billing", "", "service", frozenset({"*:*"}), 4e9, service="billing").on_behalf_of("red", "user-1"),
    )
    for other in others:
        with pytest.raises(PermissionDenied) as refused:
            rule.permit(other)
        assert refused.value.reason in {"LOGIN_REQUIRED", "NOT_FOR_JOBS"}
