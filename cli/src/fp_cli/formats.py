"""The forms in which results are printed: `-o table`, `json`, `yaml` and `jsonpath=TEMPLATE`."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_JSONPATH: Final = "jsonpath="
CHOICES: Final = ("table", "json", "yaml", _JSONPATH)


@dataclass(frozen=True, slots=True)
class Format:
    """structured: for programs. whole, single: text of a result, and of one of many that come one after the other."""

    structured: bool
    whole: Callable[[Any], str]
    single: Callable[[Any], str]


def parse(text: str) -> Format:
    """Raises ValueError with a sentence for people."""
    if text.startswith(_JSONPATH):
        from fp_cli import jsonpath

        path = text.removeprefix(_JSONPATH)
        if not path:
            raise ValueError("jsonpath= needs a template, such as jsonpath={.name}")
        try:
            filled = jsonpath.template(path)
        except ValueError as error:
            raise ValueError(f"jsonpath: {error}") from None
        return Format(True, lambda value: _ended(filled(value)), lambda value: _ended(filled(value)))
    try:
        return _FORMATS[text]
    except KeyError:
        raise ValueError(f"{text!r} is not table, json, yaml or jsonpath=TEMPLATE") from None


def _ended(text: str) -> str:
    """A template that ends its lines itself gets no further end."""
    return text if text.endswith("\n") else f"{text}\n"


def plain_json(value: Any) -> Any:
    """JSON has no NaN and no infinities: they are the texts that protojson writes and the platform takes back."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def json_text(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(plain_json(value), indent=indent, ensure_ascii=False, allow_nan=False)


def yaml_text(value: Any) -> str:
    from fp_cli import yaml_documents

    return yaml_documents.text_of(plain_json(value))


def _document(value: Any) -> str:
    return json_text(value, indent=2) + "\n"


def _line(value: Any) -> str:
    return json_text(value) + "\n"


TABLE: Final = Format(False, _document, _line)
_FORMATS: Final = {
    "table": TABLE,
    "json": Format(True, _document, _line),
    "yaml": Format(True, yaml_text, lambda value: f"---\n{yaml_text(value)}"),
}
