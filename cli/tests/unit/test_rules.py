"""Rules of a route as people type and read them."""

import grpc
import pytest
from fp_cli import rules
from fp_cli.declared.kind import ABSENT
from fp_cli.declared.kinds import KINDS
from fp_kernel import InvalidArgument


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("plan=gold", {"attribute": "plan", "exact": "gold"}),
        ("plan=", {"attribute": "plan", "exact": ""}),
        ("country=DE|FR", {"attribute": "country", "in": {"values": ["DE", "FR"]}}),
        ("client^=beta-", {"attribute": "client", "prefix": "beta-"}),
        ("query=a=b", {"attribute": "query", "exact": "a=b"}),
    ],
)
def test_what_is_typed_is_what_is_shown(given, match):
    assert rules.matches([given]) == [match]
    assert rules.said({"matches": [match]}) == given


@pytest.mark.parametrize("wrong", ["plan", "=gold", "^=x"])
def test_what_is_no_condition_is_refused(wrong):
    with pytest.raises(InvalidArgument):
        rules.matches([wrong])


def test_declared_rules_are_what_the_platform_answers():
    declared = KINDS["Route"].of(
        KINDS["Route"].request(
            "delays",
            {
                "targets": [{"version": "1", "weight_bps": 10_000}],
                "rules": {
                    "rules": [
                        {
                            "name": "europe",
                            "matches": [
                                {"attribute": "country", "in": {"values": ["FR", "DE", "FR"]}},
                                {"attribute": "plan", "in": {"values": ["gold"]}},
                            ],
                            "weights": [{"version": "2", "weight_bps": 10_000}],
                        }
                    ]
                },
                "shadow": {"version": "3", "share_bps": 100},
            },
        )
    )
    (rule,) = declared["rules"]["rules"]
    assert rule["matches"] == [
        {"attribute": "country", "in": {"values": ["DE", "FR"]}},
        {"attribute": "plan", "exact": "gold"},
    ]
    assert declared["shadow"] == {"version": "3", "share_bps": 100}


def test_rules_and_shadow_that_are_not_declared_are_ended():
    sent = []

    class Platform:
        channel = grpc.insecure_channel("127.0.0.1:1")

        def call(self, _, request):
            sent.append(request)

    KINDS["Route"].change(Platform(), "delays", {"targets": []}, ABSENT)
    (request,) = sent
    assert request.HasField("rules")
    assert request.HasField("shadow")
