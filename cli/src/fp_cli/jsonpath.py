r"""The part of kubectl's JSONPath templates that people use: paths in braces with text around them.

    {.items[0].name}   {[*].id}   {[1:3]}   {['a.b']}   {.*}   {[?(@.stage=="PRODUCTION")].version}
    {range [*]}{.name}{"\t"}{.id}{"\n"}{end}

What is not there prints nothing. Several values stand beside each other with a space between them.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Step = Callable[[Any], Iterator[Any]]

_PART: Final = re.compile(r"\{(?:[^{}\"']|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')*\}")
_TEXT: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_STEP: Final = re.compile(
    r"""\.(?P<field>[\w-]+)
      | \.\*|\[\*\] (?# all)
      | \[(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]
      | \[(?P<index>-?\d+)\]
      | \[(?P<start>-?\d*):(?P<stop>-?\d*)\]
      | \[\?\(\s*@(?P<path>[^=!<>]*?)\s*
            (?:(?P<sign>==|!=)\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+-]+)\s*)?\)\]""",
    re.VERBOSE,
)
_MOST: Final = 4_096


@dataclass(frozen=True, slots=True)
class _Range:
    steps: Sequence[Step]
    body: "Sequence[_Part]"


_Part = str | Sequence[Step] | _Range


def template(text: str) -> Callable[[Any], str]:
    """What makes text of a value. Raises ValueError saying what cannot be read."""
    if len(text) > _MOST:
        raise ValueError(f"is longer than {_MOST} characters")
    # kubectl takes a path without braces as well.
    parts = _read(iter(_pieces(text if "{" in text else f"{{{text}}}")), inside=False)
    return lambda value: _printed(parts, value)


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Each with whether it stood in braces."""
    position = 0
    for found in _PART.finditer(text):
        yield from _outside(text[position : found.start()])
        yield True, found[0][1:-1].strip()
        position = found.end()
    yield from _outside(text[position:])


def _outside(text: str) -> Iterator[tuple[bool, str]]:
    if "{" in text or "}" in text:
        raise ValueError(f"{text!r} has a brace without its partner")
    if text:
        yield False, text


def _read(pieces: Iterator[tuple[bool, str]], *, inside: bool) -> list[_Part]:
    parts: list[_Part] = []
    for in_braces, text in pieces:
        if not in_braces:
            parts.append(text)
        elif text == "end":
            if inside:
                return parts
            raise ValueError("{end} has no {range}")
        elif text.startswith("range "):
            parts.append(_Range(steps(text.removeprefix("range ").strip()), _read(pieces, inside=True)))
        elif _TEXT.fullmatch(text):
            parts.append(_literal(text))
        else:
            parts.append(steps(text))
    if inside:
        raise ValueError("{range} has no {end}")
    return parts


def steps(path: str) -> list[Step]:
    """Raises ValueError naming what cannot be read."""
    rest = path.removeprefix("$").removeprefix("@")
    if rest and rest[0] not in ".[":
        rest = f".{rest}"
    found: list[Step] = []
    while rest and rest != ".":
        match = _STEP.match(rest)
        if match is None:
            raise ValueError(f'{rest!r} is no step of a path such as .name, [0], [*] or [?(@.name=="x")]')
        found.append(_step(match))
        rest = rest[match.end() :]
    return found


def _step(match: re.Match[str]) -> Step:
    if match["field"] is not None:
        return _field(match["field"])
    if match["quoted"] is not None:
        return _field(_literal(match["quoted"]))
    if match["index"] is not None:
        return _slice(slice(int(match["index"]), int(match["index"]) + 1 or None))
    if match["start"] is not None:
        return _slice(slice(*(int(each) if each else None for each in match.group("start", "stop"))))
    if match["path"] is not None:
        return _filter(steps(match["path"]), match["sign"], match["value"])
    return _all


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _slice(part: slice) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[part]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _filter(path: Sequence[Step], sign: str | None, text: str | None) -> Step:
    wanted = None if text is None else _literal(text) if _TEXT.fullmatch(text) else text

    def holds(each: Any) -> bool:
        found = [_shown(one) for one in _values(path, each)]
        if sign is None:
            return bool(found)
        return bool(found) and (found[0] == wanted) is (sign == "==")

    return lambda value: (each for each in _all(value) if holds(each))


def _values(path: Sequence[Step], value: Any) -> list[Any]:
    found = [value]
    for step in path:
        found = [each for one in found for each in step(one)]
    return found


def _literal(text: str) -> str:
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise ValueError(f"{text} is no text") from None


def _printed(parts: Sequence[_Part], value: Any) -> str:
    written = []
    for part in parts:
        match part:
            case str():
                written.append(part)
            case _Range():
                written += [_printed(part.body, each) for each in _values(part.steps, value)]
            case _:
                written.append(" ".join(_shown(each) for each in _values(part, value)))
    return "".join(written)


def _shown(value: Any) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
