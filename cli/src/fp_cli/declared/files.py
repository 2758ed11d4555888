"""Declared objects in files and folders."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fp_kernel import invalid

from fp_cli import yaml_documents
from fp_cli.declared.document import Declaration, check_once, parse
from fp_cli.reading import text_of

SUFFIXES: Final = (".yaml", ".yml", ".json")
MOST: Final = 10_000
_LONGEST: Final = 150


def read(places: Iterable[Path]) -> list[Declaration]:
    """Of files, folders with everything below them, and standard input (`-`).

    Raises InvalidArgument naming the file for what cannot be read, and for an object that is there twice.
    """
    found: list[Declaration] = []
    read = 0
    for file in _files(places):
        text = text_of(file)
        read += len(text)
        if read > yaml_documents.LONGEST:
            raise invalid("file", f"{file} and those before it have more than {yaml_documents.LONGEST:,} characters")
        for number, document in enumerate(_documents(file, text), 1):
            where = "standard input" if str(file) == "-" else str(file)
            found.append(parse(document, where if number == 1 else f"{where}, document {number}"))
            if len(found) > MOST:
                raise invalid("file", f"there are more than {MOST} objects")
    check_once(found)
    return found


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if str(place) == "-" or not place.is_dir():
            yield place
            continue
        below = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES and path.is_file())
        yield from (path for path in below if not any(part.startswith(".") for part in path.relative_to(place).parts))


def _documents(file: Path, text: str) -> list[Any]:
    """Without the empty ones."""
    import yaml

    try:
        return [document for document in yaml_documents.load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise invalid(str(file), f"is neither JSON nor YAML: {error}") from None
    except RecursionError:
        raise invalid(str(file), "is nested too deeply") from None


def place_of(kind: str, name: str) -> Path:
    """Where an object stands in a folder: a name of its own whatever the object's name holds."""
    safe = quote(name, safe=" @+=,").replace(".", "%2E", name.startswith("."))
    if len(safe) > _LONGEST:
        safe = f"{safe[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return Path(kind.lower()) / f"{safe}.yaml"
