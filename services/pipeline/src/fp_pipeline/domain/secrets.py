"""References to secrets in the config of a step and an execution's input, and their values as a job gets them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fp_kernel import invalid
from fp_kernel.secret_references import is_reference, parse_reference

from fp_pipeline.domain.definition import JsonObject

MOST_REFERENCES = 50
MOST_BYTES = 120 * 1_024
"""One variable of the environment holds 128 KiB on Linux."""


class Unusable(Exception):
    """The values cannot be given to a job; the message is for people and holds none of them."""


def references(config: JsonObject, path: str = "config") -> tuple[str, ...]:
    """Each once, in the order of the config. Raises InvalidArgument naming the field of one that is none."""
    found: dict[str, None] = {}
    for field, text in _texts(config, path):
        if is_reference(text):
            parse_reference(text, field)
            found[text] = None
    if len(found) > MOST_REFERENCES:
        raise invalid(path, f"refers to {len(found)} secrets, at most {MOST_REFERENCES} are allowed")
    return tuple(found)


def for_step(config: JsonObject, given: JsonObject) -> tuple[str, ...]:
    """What the job of a step needs: for its config, and for the input of its execution, which every job gets.

    Raises InvalidArgument naming the input when both are too many.
    """
    found = dict.fromkeys((*references(config), *references(given, "input")))
    if len(found) > MOST_REFERENCES:
        raise invalid("input", f"refers to {len(found)} secrets with a step, at most {MOST_REFERENCES} are allowed")
    return tuple(found)


def for_job(values: Mapping[str, bytes]) -> str:
    """JSON of the values by reference. Raises Unusable."""
    texts: dict[str, str] = {}
    for reference, value in values.items():
        try:
            texts[reference] = value.decode()
        except UnicodeDecodeError:
            raise Unusable(f"{reference} is no text") from None
        if "\0" in texts[reference]:
            raise Unusable(f"{reference} is no text")
    document = json.dumps(texts)
    if len(document) > MOST_BYTES:
        raise Unusable(f"the secrets have more than {MOST_BYTES} bytes together")
    return document


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")
