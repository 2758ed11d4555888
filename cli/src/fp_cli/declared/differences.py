"""What applying would change, as people read it."""

from collections.abc import Iterator
from difflib import unified_diff

from fp_cli import yaml_documents
from fp_cli.declared.applying import Outcome
from fp_cli.declared.document import written
from fp_cli.declared.kind import Spec


def lines(outcome: Outcome) -> Iterator[str]:
    """As `diff -u` of the documents; nothing where both are the same."""
    if outcome.before == outcome.after:
        return
    label = f"{outcome.kind}/{outcome.name}"
    yield from unified_diff(
        _text(outcome, outcome.before),
        _text(outcome, outcome.after),
        f"platform/{label}",
        f"files/{label}",
        lineterm="",
    )


def _text(outcome: Outcome, spec: Spec | None) -> list[str]:
    if spec is None:
        return []
    return yaml_documents.text_of(written(outcome.kind, outcome.name, spec)).splitlines()
