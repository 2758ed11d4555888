"""What is wanted is read from the chart's text and from mounted secrets."""

import json

from fp_preflight import faults, read
from fp_testkit.wallclock import StandingClock


def wanted(tmp_path, given):
    (tmp_path / "billing").mkdir()
    for name, text in given.items():
        (tmp_path / "billing" / name).write_text(text)
    facts = {"secret": "forgepoint-billing", "secrets": ["FP_NATS_URL", "FP_SERVICE_SECRET"], "stores": []}
    return read(json.dumps({"billing": facts}), tmp_path)


async def test_a_key_that_a_secret_lacks_is_named(tmp_path):
    programs = wanted(tmp_path, {"FP_NATS_URL": "nats://a:b@nats:4222\n", "FP_SERVICE_SECRET": ""})

    assert programs[0].environment["FP_NATS_URL"] == "nats://a:b@nats:4222"
    assert await faults(programs, StandingClock()) == ["billing: the secret forgepoint-billing lacks FP_SERVICE_SECRET"]


async def test_a_secret_that_is_not_there_is_named(tmp_path):
    assert await faults(wanted(tmp_path, {}), StandingClock()) == [
        "billing: the secret forgepoint-billing is not there, or has none of FP_NATS_URL, FP_SERVICE_SECRET"
    ]


def test_a_password_is_in_no_text_of_a_program(tmp_path):
    assert "hidden" not in repr(wanted(tmp_path, {"FP_NATS_URL": "nats://a:hidden@nats:4222"}))
