"""Filters of runs as SQL."""

from fp_experiment.domain.filters import Comparison, Operator, Subject

_COLUMNS = {Subject.STATUS: "run.status", Subject.NAME: "run.display_name"}
_OPERATORS = {operator: "<>" if operator is Operator.UNEQUAL else operator.value for operator in Operator}


def condition(comparison: Comparison, arguments: list[object]) -> str:
    """A condition on `run`; its values are added to the arguments, none is written into the text."""
    sign = _OPERATORS[comparison.operator]
    if comparison.subject in _COLUMNS:
        arguments.append(comparison.value)
        return f"{_COLUMNS[comparison.subject]} {sign} ${len(arguments)}"
    arguments.extend((comparison.key, comparison.value))
    key, value = f"${len(arguments) - 1}", f"${len(arguments)}"
    if comparison.subject is Subject.PARAM:
        within = (
            f"FROM run_params AS kept WHERE kept.run_id = run.id AND kept.key = {key} AND kept.value {sign} {value}"
        )
        return f"EXISTS (SELECT {within})"
    within = (
        f"FROM latest_metrics AS kept WHERE kept.run_id = run.id AND kept.key = {key} AND kept.value {sign} {value}"
    )
    if comparison.operator in {Operator.EQUAL, Operator.UNEQUAL}:
        return f"EXISTS (SELECT {within})"
    # Postgres sorts NaN behind infinity; here it is neither less nor greater.
    return f"EXISTS (SELECT {within} AND kept.value <> 'NaN' AND {value}::float8 <> 'NaN')"
