"""The Access option of every RPC of the contract."""

import importlib

import pytest
from fp_kernel import PermissionDenied, Unauthenticated
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
        AccessRule(internal=True).permit(viewer)
