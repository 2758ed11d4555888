"""What `helm test` runs against an installation, against the platform of this machine."""

from command_line import *  # noqa: F403 -- fixtures are found by name
from fp_cli import trial
from fp_testkit.patience import Bound


def row(run):
    return next(each for each in run.json("doctor", "--predict") if each["check"] == "prediction")


def test_a_tiny_model_is_deployed_asked_and_taken_away_as_often_as_one_likes(run):
    first, second = row(run), row(run)

    assert (first["result"], second["result"]) == ("ok", "ok"), (first, second)
    assert first["detail"].split()[1] != second["detail"].split()[1], "each is a version of its own"
    assert run.json("models", "get", trial.NAME)["archived_at"]
    bound = Bound()
    while (
        left := [each for each in run.json("routes", "list") if each["model_name"] == trial.NAME]
    ) and not bound.over:
        """It is taken away after the command has ended."""
    assert left == []
