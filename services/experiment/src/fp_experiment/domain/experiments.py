"""A named collection of runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.texts import check_line, check_lines

from fp_experiment.domain.text import MAX_DESCRIPTION, MAX_NAME, check_tags

FIELDS = frozenset({"name", "description", "tags"})


@dataclass(frozen=True, slots=True)
class Described:
    """What people say of an experiment."""

    name: str
    description: str
    tags: Mapping[str, str]

    def check(self) -> None:
        """Raises InvalidArgument naming the field."""
        check_line(self.name, "name", MAX_NAME, required=True)
        check_lines(self.description, "description", MAX_DESCRIPTION)
        check_tags(self.tags, "tags")


@dataclass(frozen=True, slots=True)
class Experiment:
    """Its name is the team's for ever, also after the archive."""

    id: str
    team: str
    described: Described
    owner_id: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None

    def with_fields(self, new: Described, fields: frozenset[str], now: datetime) -> "Experiment":
        """fields: the names of what is to change.

        Raises InvalidArgument naming the field, FailedPrecondition when it is archived.
        """
        if not fields or not fields <= FIELDS:
            raise invalid("update_fields", f"must name some of {', '.join(sorted(FIELDS))}")
        self.check_open()
        described = replace(self.described, **{name: getattr(new, name) for name in fields})
        described.check()
        return replace(self, described=described, updated_at=now)

    def archived(self, now: datetime) -> "Experiment":
        """As often as one likes; the first time holds."""
        return self if self.archived_at else replace(self, archived_at=now, updated_at=now)

    def check_open(self) -> None:
        """Raises FailedPrecondition."""
        if self.archived_at is not None:
            raise FailedPrecondition("the experiment is archived", reason="EXPERIMENT_ARCHIVED")
