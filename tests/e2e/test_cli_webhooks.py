"""What a webhook gets from secrets of the team, by `fp`, against a real platform."""

import base64

from command_line import *  # noqa: F403 -- fixtures are found by name
from command_line import refused
from fp_kernel import new_id


def test_a_webhook_is_signed_and_let_in_by_secrets_of_the_team(run, receiver):
    name = f"rule-{new_id()[-8:]}"
    for secret, value in (
        (f"{name}-key", f"whsec_{base64.b64encode(bytes(32)).decode()}"),
        (f"{name}-pass", "Basic eA=="),
    ):
        run.json("secrets", "set", secret, given=value)
    own = (
        "--webhook",
        receiver,
        "--signing-secret",
        f"secret://{name}-key",
        "--header",
        f"Authorization=secret://{name}-pass",
    )
    rule = run.json("notifications", "rules", "create", name, "--pattern", "fp.features.>", *own)
    assert rule["signing_secret"] == f"secret://{name}-key"
    assert rule["headers"] == {"authorization": f"secret://{name}-pass"}
    assert run.json("notifications", "test", "--rule", name)["response_code"] == 204
    refused(
        run(
            "notifications", "rules", "create", f"{name}-2", "--pattern", "fp.>", "--webhook", receiver, "--header", "x"
        ),
        6,
    )
    quiet = run.json("notifications", "rules", "update", name, "--severity", "error", "--in-app")
    assert (quiet["id"], quiet["min_severity"], quiet["target"]) == (rule["id"], "ERROR", rule["target"])
    assert quiet["headers"] == rule["headers"]
    # What verifies and lets in is still there: its receiver has noticed nothing.
    assert run.json("notifications", "test", "--rule", name)["response_code"] == 204
    renamed = run.json("notifications", "rules", "update", name, "--name", f"{name}-new", "--webhook", "")
    assert (renamed["name"], renamed["channels"], renamed.get("target", "")) == (f"{name}-new", ["IN_APP"], "")
    refused(run("notifications", "rules", "update", name, "--severity", "info"), 5, f"there is no rule {name}")
    name = f"{name}-new"
    run.json("notifications", "rules", "delete", name)
