"""The text of a notification: by the template of its event type, else from the envelope alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_kernel.texts import is_text

from fp_notification.domain.matching import Facts

_LONGEST_TITLE = 200
_LONGEST_BODY = 2_000


@dataclass(frozen=True, slots=True)
class Template:
    """title, body: with the names of facts in braces; an empty body is the event's summary."""

    title: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Templates:
    by_type: Mapping[str, Template]

    def render(self, facts: Facts) -> tuple[str, str]:
        """Title and body. Where a template names what the event lacks, the generic text stands in."""
        template = self.by_type.get(facts.type)
        values = _values(facts)
        try:
            title = template.title.format_map(values) if template else _title(facts)
            body = template.body.format_map(values) if template and template.body else _body(facts)
        except KeyError:
            title, body = _title(facts), _body(facts)
        return _plain(title, _LONGEST_TITLE), _plain(body, _LONGEST_BODY)


def _title(facts: Facts) -> str:
    """`fp.models.drift.detected` is "models: drift detected"."""
    _, resource, *words = facts.type.split(".")
    return f"{resource}: {' '.join(words).replace('_', ' ')}" if words else facts.type


def _body(facts: Facts) -> str:
    return facts.summary or f"{facts.type} of {facts.resource_id}"


def _values(facts: Facts) -> dict[str, str]:
    """What the envelope says wins over fields of the payload that have the same name."""
    return {
        **facts.details,
        "type": facts.type,
        "team": facts.team,
        "severity": facts.severity.name,
        "source": facts.source,
        "resource_id": facts.resource_id,
        "summary": _body(facts),
        "actor": facts.actor,
    }


def _plain(text: str, longest: int) -> str:
    """One line of printable text: names that people chose end up in it."""
    line = "".join(each if is_text(each) else " " for each in text).strip()
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
