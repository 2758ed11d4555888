"""YAML that says what it means: no key twice, and no plain word that is no text by surprise."""

import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import yaml

# PyYAML reads them as line breaks where it has not escaped them.
_BREAKS: Final = frozenset("\r\x85\u2028\u2029")
_MAP, _DATE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:timestamp"
_BOOL, _INT, _FLOAT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
# What YAML 1.1 and 1.2 read alike.
_TRUTH: Final = {"true": True, "false": False}
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)")


# Values that the aliases of a text may stand for: ten lines of aliases to aliases are more than memory holds.
_MOST_REPEATED: Final = 100_000


# A message of the platform has 16 MiB at most. It is read at about a quarter of a megabyte a second.
LONGEST: Final = 16 * 1024 * 1024


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it has {len(text):,} characters, at most {LONGEST:,} are read")


class _Loader(yaml.SafeLoader):
    """As the safe one, but for what it would change in silence or no message can hold."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        # Values in a node, where every alias in it counts as what it stands for.
        self._sizes: dict[yaml.Node, int] = {}
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        if node is None:
            return None
        if is_alias:
            # One inside of what it stands for has no size yet; it is refused when the values are made.
            self._repeated += self._sizes.get(node, 0)
            if self._repeated > _MOST_REPEATED:
                raise yaml.YAMLError(f"line {line}: aliases stand for more than {_MOST_REPEATED} values")
        else:
            self._sizes[node] = 1 + sum(self._sizes.get(each, 0) for each in _inside(node))
        return node


def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from chain.from_iterable(node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def load(text: str) -> Any:
    """Raises yaml.YAMLError, ValueError, RecursionError."""
    _check_length(text)
    return yaml.load(text, Loader=_Loader)  # noqa: S506 -- made from the safe one


def load_all(text: str) -> Iterator[Any]:
    """Every document of the text. Raises yaml.YAMLError, ValueError, RecursionError while they are read."""
    _check_length(text)
    yield from yaml.load_all(text, Loader=_Loader)


class _Dumper(yaml.SafeDumper):
    """As the safe one, but for texts that would not come back as they went."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- people read what is written, each thing in its place
        return True


def text_of(value: Any) -> str:
    """Of what JSON can hold; `load` gives it back."""
    found: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return found


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if _BREAKS.intersection(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise yaml.YAMLError(f"line {line}: the key {key} must be text; put it into quotes")
        if key in seen:
            raise yaml.YAMLError(f"line {line}: the key {key} is there twice")
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _date(_: _Loader, node: yaml.ScalarNode) -> Any:
    line = node.start_mark.line + 1
    raise yaml.YAMLError(f"line {line}: {node.value} is a date to YAML; put it into quotes to have it as text")


def _truth(_: _Loader, node: yaml.ScalarNode) -> bool:
    found = _TRUTH.get(node.value.lower())
    if found is None:
        raise _otherwise(node, "a truth value to some readers of YAML; write true or false")
    return found


def _whole(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """`012` is ten and `12:30:45` is 45,045 to YAML 1.1."""
    if not _WHOLE.fullmatch(node.value):
        raise _otherwise(node, "another number to some readers of YAML; write it with plain digits")
    return loader.construct_yaml_int(node)


def _fraction(loader: _Loader, node: yaml.ScalarNode) -> Any:
    if ":" in node.value or "_" in node.value:
        raise _otherwise(node, "another number to some readers of YAML; write it with plain digits")
    return loader.construct_yaml_float(node)


def _otherwise(node: yaml.ScalarNode, what: str) -> yaml.YAMLError:
    line = node.start_mark.line + 1
    return yaml.YAMLError(f"line {line}: {node.value} is {what}, or put it into quotes to have it as text")


_Loader.add_constructor(_BOOL, _truth)
_Loader.add_constructor(_INT, _whole)
_Loader.add_constructor(_FLOAT, _fraction)
_Loader.add_constructor(_MAP, _mapping)
_Loader.add_constructor(_DATE, _date)
