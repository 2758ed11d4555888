"""Messages as people write them: JSON or YAML, with protojson's or the proto's field names."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fp_kernel import InvalidArgument, invalid
from google.protobuf import json_format
from google.protobuf.message import Message

from fp_cli.reading import lines_of, text_of

MAX_DEPTH = 32
"""Levels of objects and lists inside of a field that holds JSON."""

M = TypeVar("M", bound=Message)


def load(file: Path, noun: str) -> dict[str, Any]:
    """One object from JSON or YAML. Raises InvalidArgument naming what cannot be read."""
    import yaml

    from fp_cli import yaml_documents

    text = text_of(file)
    try:
        document = yaml_documents.load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise invalid("file", f"is neither JSON nor YAML: {error}") from None
    except RecursionError:
        raise invalid("file", "is nested too deeply") from None
    if not isinstance(document, dict):
        raise invalid("file", f"must hold one {noun}")
    return document


def check_depth(value: Any, field: str) -> None:
    """Raises InvalidArgument for what nests deeper than the platform reads."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = [list(each.values()) if isinstance(each, dict) else each for each in level]
        level = [item for each in inner if isinstance(each, list) for item in each]
        if not level:
            return
    raise invalid(field, f"nests deeper than {MAX_DEPTH}")


def fill(message: M, document: Mapping[str, Any], where: str = "file") -> M:
    """The message with the document's fields; enum values may lack their prefix, as `-o json` prints them.

    Raises InvalidArgument naming the field and `where` it stands.
    """
    try:
        return json_format.ParseDict(whole(document, message.DESCRIPTOR), message)
    except (json_format.ParseError, TypeError, AttributeError, ValueError, RecursionError) as error:
        # A value of another type than the field's, such as a number as a key, is not always a ParseError.
        raise InvalidArgument(f"{where}: {error}") from None


def whole(value: Any, descriptor: Any) -> Any:
    """The document with the whole names of enum values."""
    if not isinstance(value, Mapping) or descriptor.full_name.startswith("google.protobuf."):
        return value
    fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    return {name: _whole(item, fields[name]) if name in fields else item for name, item in value.items()}


def _whole(value: Any, field: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item, field) for item in value]
    if field.enum_type is not None and isinstance(value, str):
        prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED").removesuffix("UNKNOWN")
        full = f"{prefix}{value.upper()}"
        return full if full in field.enum_type.values_by_name else value
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return value
    return whole(value, field.message_type)


def objects(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a JSON array, or one a line; each with where it stands. Raises InvalidArgument."""
    if text.lstrip().startswith("["):
        items = _json(text, "file")
        numbered = ((f"row {number}", item) for number, item in enumerate(items, 1))
    else:
        lines = ((f"line {number}", line) for number, line in lines_of(text))
        numbered = ((where, _json(line, where)) for where, line in lines)
    for where, item in numbered:
        if not isinstance(item, dict):
            raise InvalidArgument(f"file: {where}: must be an object")
        yield where, item


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"file: {where}: is not JSON: {error}") from None
    except RecursionError:
        raise invalid("file", "is nested too deeply") from None
