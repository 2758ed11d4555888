"""What the help says of who may do something is what the platform allows."""

import pytest
from fp_cli.main import app
from typer.testing import CliRunner


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("users", "list"), "Another team, for operators."),
        (("users", "create"), "Default: your own; another one for operators."),
        (("invoices", "list"), "Another team, for operators."),
        (("plans", "quota"), "Another team, for operators."),
        (("plans", "create"), "for operators"),
        (("plans", "assign"), "for operators"),
        (("billing", "adjust"), "for operators"),
        (("billing", "void"), "for operators"),
        (("signing-keys", "list"), "for operators"),
        (("signing-keys", "withdraw"), "for operators"),
        (("keys", "list"), "E-mail address or id of another member of the team, for admins."),
        (("keys", "create"), "E-mail address or id of another member of the team, for admins."),
    ],
)
def test_the_help_names_who_may(line, words):
    """It said that admins may name another team, whom the platform refuses."""
    shown = CliRunner().invoke(app, [*line, "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    assert words in " ".join(shown.split())
