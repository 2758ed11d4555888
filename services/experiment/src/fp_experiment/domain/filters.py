"""Which runs a caller looks for: comparisons joined by `and`.

    metrics.loss < 0.3 and params.model = "xgb" and status = "FINISHED" and metrics.`val auc` >= 0.7

A quote within its own kind of quotes is written twice, a backtick within backticks as well:

    params.both = 'it''s "x"' and params.```tick``` = "t"

A metric is its point of the greatest step. `metrics` compare as numbers (`=` `!=` `<` `<=` `>` `>=`); `params`,
`status` and `name` as texts (`=` `!=`), in double or single quotes. A run without the metric or parameter is not found,
not even by `!=`. NaN is neither less nor greater than anything, and equals `nan`.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn

from fp_kernel import invalid
from fp_kernel.texts import is_text

from fp_experiment.domain.runs import RunStatus
from fp_experiment.domain.text import MAX_KEY

FIELD: Final = "filter"
MAX_LENGTH: Final = 2_000
MAX_COMPARISONS: Final = 10

_NUMBER: Final = r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf|nan)(?![\w.])"
_TOKEN: Final = re.compile(
    rf"""\s*(?:
        (?P<subject>(?:metrics|params)\.(?:`(?:[^`]|``)+`|[A-Za-z0-9_][A-Za-z0-9_./-]*)|status\b|name\b)
        |(?P<operator>!=|<=|>=|=|<|>)
        |(?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
        |(?P<number>{_NUMBER})
        |(?P<and>and\b)
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class Subject(StrEnum):
    METRIC = "metrics"
    PARAM = "params"
    STATUS = "status"
    NAME = "name"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """key: of the metric or parameter; empty for a field of the run. value: a number for a metric, else a text."""

    subject: Subject
    key: str
    operator: Operator
    value: float | str

    def holds(self, found: float | str | None) -> bool:
        """Of what the run has; what SQL does for many runs."""
        if found is None:
            return False
        if isinstance(found, str) or isinstance(self.value, str):
            return (found == self.value) is (self.operator is Operator.EQUAL)
        return _compared(found, self.operator, self.value)


Token = tuple[str, str, int]


def parse(text: str) -> tuple[Comparison, ...]:
    """No comparison for an empty text. Raises InvalidArgument naming `filter` and the place."""
    if len(text) > MAX_LENGTH:
        raise invalid(FIELD, f"has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    tokens = list(_tokens(text))
    found: list[Comparison] = []
    while tokens:
        if found:
            _take(tokens, "and", "'and'")
        found.append(_comparison(tokens))
        if len(found) > MAX_COMPARISONS:
            raise invalid(FIELD, f"at most {MAX_COMPARISONS} comparisons")
        if tokens and len(tokens) == 1:
            _refuse(tokens[0][2], "another comparison after 'and'")
    return tuple(found)


def _comparison(tokens: list[Token]) -> Comparison:
    word, place = _take(tokens, "subject", "metrics.<key>, params.<key>, status or name")
    name, _, key = word.partition(".")
    subject, key = Subject(name.lower()), _unquoted(key) if key.startswith("`") else key
    if len(key) > MAX_KEY or not is_text(key):
        _refuse(place, f"a key of at most {MAX_KEY} characters without control characters")
    sign, sign_place = _take(tokens, "operator", "one of = != < <= > >=")
    operator = Operator(sign)
    if subject is Subject.METRIC:
        return Comparison(subject, key, operator, float(_take(tokens, "number", "a number")[0]))
    if operator not in {Operator.EQUAL, Operator.UNEQUAL}:
        _refuse(sign_place, "= or != for a text")
    text, text_place = _take(tokens, "text", "a text in quotes")
    value = _unquoted(text)
    if "\0" in value:
        _refuse(text_place, "a text without NUL")
    if subject is Subject.STATUS and value not in set(RunStatus):
        _refuse(text_place, f"one of {', '.join(RunStatus)}")
    return Comparison(subject, key, operator, value)


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            _refuse(place, "a comparison such as metrics.loss < 0.3")
        yield match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)
        place = match.end()


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _take(tokens: list[Token], kind: str, wanted: str) -> tuple[str, int]:
    if not tokens:
        raise invalid(FIELD, f"ends where {wanted} should be")
    found, word, place = tokens[0]
    if found != kind:
        _refuse(place, wanted)
    del tokens[0]
    return word, place


def _refuse(place: int, wanted: str) -> NoReturn:
    raise invalid(FIELD, f"at character {place + 1} should be {wanted}")


def _compared(found: float, operator: Operator, value: float) -> bool:
    same = found == value or (math.isnan(found) and math.isnan(value))
    match operator:
        case Operator.EQUAL:
            return same
        case Operator.UNEQUAL:
            return not same
        case Operator.LESS:
            return found < value
        case Operator.AT_MOST:
            return found <= value
        case Operator.GREATER:
            return found > value
        case Operator.AT_LEAST:
            return found >= value
