"""Exemptions from the rules, by name and with a reason."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rules.tree import Violation


@dataclass(frozen=True, slots=True)
class Exemption:
    """subject: what the rule names, such as a function; empty for the whole file."""

    rule: str
    path: str
    reason: str
    subject: str = ""

    def covers(self, violation: Violation) -> bool:
        same = (self.rule, self.path) == (violation.rule, violation.path)
        return same and self.subject in {"", violation.subject}


def read(path: Path) -> tuple[Exemption, ...]:
    """Raises TypeError for an entry without reason."""
    entries = tomllib.loads(path.read_text()).get("exemption", [])
    return tuple(Exemption(**entry) for entry in entries)


def remaining(violations: Iterable[Violation], exemptions: Iterable[Exemption]) -> list[Violation]:
    """The violations that no exemption covers."""
    known = tuple(exemptions)
    return sorted(violation for violation in violations if not any(it.covers(violation) for it in known))


def unused(violations: Iterable[Violation], exemptions: Iterable[Exemption]) -> list[Exemption]:
    """Exemptions that nothing needs any more."""
    found = tuple(violations)
    return [exemption for exemption in exemptions if not any(map(exemption.covers, found))]
