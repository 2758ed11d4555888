"""Filters of runs as SQL."""

from fp_experiment.domain.filters import Comparison, Operator, Subject

_COLUMNS = {Subject.STATUS: "run.status", Subject.NAME: "run.display_name"}
_KEPT = {
    Subject.PARAM: "SELECT FROM run_params AS kept",
    Subject.METRIC: "SELECT FROM latest_metrics AS kept",
}
_SIGNS = {operator: "<>" if operator is Operator.UNEQUAL else operator.value for operator in Operator}
_UNORDERED = {Operator.EQUAL, Operator.UNEQUAL}


def condition(comparison: Comparison, arguments: list[object]) -> str:
    """A condition on `run`; its values are added to the arguments, none is written into the text."""
    sign = _SIGNS[comparison.operator]
    if comparison.subject in _COLUMNS:
        arguments.append(comparison.value)
        return f"{_COLUMNS[comparison.subject]} {sign} ${len(arguments)}"
    arguments.extend((comparison.key, comparison.value))
    key, value = len(arguments) - 1, len(arguments)
    parts = ["kept.run_id = run.id", f"kept.key = ${key}", f"kept.value {sign} ${value}"]
    if comparison.operator not in _UNORDERED:
        # Postgres sorts NaN behind infinity; here it is neither less nor greater.
        parts += ["kept.value <> 'NaN'", f"${value}::float8 <> 'NaN'"]
    return f"EXISTS ({_KEPT[comparison.subject]} WHERE {' AND '.join(parts)})"
