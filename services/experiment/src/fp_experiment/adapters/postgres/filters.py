"""Filters of runs as SQL."""

from typing import NamedTuple

from fp_experiment.domain.filters import Comparison, Operator, Subject

_COLUMNS = {Subject.STATUS: "run.status", Subject.NAME: "run.display_name"}
_SIGNS = {operator: "<>" if operator is Operator.UNEQUAL else operator.value for operator in Operator}
_UNORDERED = {Operator.EQUAL, Operator.UNEQUAL}


class Condition(NamedTuple):
    """Conditions on `run` that say the same of a run that is not searchable yet, by what is keyed by its id, and of one
    that is, by what is keyed by team and value.
    """

    not_searchable: str
    searchable: str


def by_column(comparison: Comparison) -> bool:
    """Whether the run's own row decides."""
    return comparison.subject in _COLUMNS


def condition(comparison: Comparison, arguments: list[object]) -> Condition:
    """Its values are added to the arguments, whose first is the team; none is written into the text."""
    sign = _SIGNS[comparison.operator]
    if by_column(comparison):
        arguments.append(comparison.value)
        text = f"{_COLUMNS[comparison.subject]} {sign} ${len(arguments)}"
        return Condition(text, text)
    arguments.extend((comparison.key, comparison.value))
    key, value = f"${len(arguments) - 1}", f"${len(arguments)}"
    if comparison.subject is Subject.PARAM:
        return _param(sign, key, value)
    parts = [f"stored.key = {key}", f"stored.value {sign} {value}"]
    if comparison.operator not in _UNORDERED:
        # Postgres sorts NaN behind infinity; here it is neither less nor greater.
        parts += ["stored.value <> 'NaN'", f"{value}::float8 <> 'NaN'"]
    return Condition(_exists("latest_metrics", *parts), _exists("ended_metrics", "stored.team = $1", *parts))


def _param(sign: str, key: str, value: str) -> Condition:
    """The digest finds candidates; the value itself decides."""
    there = _exists("run_params", f"stored.key = {key}", f"stored.value {sign} {value}")
    digest = () if sign == "<>" else (f"stored.digest = hashtextextended({value}, 0)",)
    candidate = _exists("ended_params", "stored.team = $1", f"stored.key = {key}", *digest)
    return Condition(there, f"{candidate} AND {there}")


def _exists(table: str, *parts: str) -> str:
    return f"EXISTS (SELECT FROM {table} AS stored WHERE {' AND '.join((*parts, 'stored.run_id = run.id'))})"
