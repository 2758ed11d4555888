"""Which service may report a call of which method."""

import pytest
from fp_auth.domain.audit import may_report

LIST = "/forgepoint.registry.v1.RegistryService/ListModels"


def test_a_service_reports_its_own_calls():
    assert may_report("registry", LIST, "OK")
    assert may_report("auth", "/forgepoint.auth.v1.AuthService/Login", "UNAUTHENTICATED")
    assert may_report("gateway", "/forgepoint.platform.v1.PlatformService/GetStatus", "OK")


def test_the_gateway_reports_what_it_refused_of_any_service():
    assert may_report("gateway", LIST, "UNAUTHENTICATED")
    assert may_report("gateway", "/forgepoint.ai.v1.AIGatewayService/CreatePrompt", "UNIMPLEMENTED")


@pytest.mark.parametrize(
    ("service", "method", "status"),
    [
        ("pipeline", LIST, "OK"),
        ("pipeline", LIST, "PERMISSION_DENIED"),
        ("gateway", LIST, "OK"),
        ("", LIST, "OK"),
        ("registry", "ListModels", "OK"),
        ("registry", LIST + "/forgepoint.auth.v1.AuthService/Login", "OK"),
        ("registry", "/forgepoint.registry.v1.RegistryService/ListModels\n", "OK"),
    ],
)
def test_nobody_reports_what_others_did(service, method, status):
    assert not may_report(service, method, status)
