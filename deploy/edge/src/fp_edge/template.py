"""Fills the templates: JSON with `{name}` in its strings, and parts that stand only where something is set."""

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

BOOTSTRAP: Final = "bootstrap.json"
# The files that Envoy watches.
SECRETS: Final = ("secret_public.json", "secret_own.json", "secret_authority.json")
WATCHED: Final = (*SECRETS, "clusters.json", "routes.json", "listeners.json")
WHEN: Final = "$when"
_NAME: Final = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")
_LEFT_OUT: Final = object()


def filled(values: Mapping[str, Any]) -> dict[str, str]:
    """Each file's text by its name, in the order in which Envoy needs them.

    values: by name. A string that is nothing but `{name}` becomes the value itself, whatever its type; an object with
    `"$when": "name"` is left out where that value is empty. Raises KeyError for a name without a value.
    """
    folder = resources.files("fp_edge") / "templates"
    return {
        name: json.dumps(_fill(json.loads((folder / name).read_text(encoding="utf-8")), values), indent=1)
        for name in (*WATCHED, BOOTSTRAP)
    }


def _fill(node: Any, values: Mapping[str, Any]) -> Any:
    match node:
        case dict():
            if WHEN in node and not values[node[WHEN]]:
                return _LEFT_OUT
            entries = ((name, _fill(value, values)) for name, value in node.items() if name != WHEN)
            return {name: value for name, value in entries if value is not _LEFT_OUT}
        case list():
            return [value for value in (_fill(each, values) for each in node) if value is not _LEFT_OUT]
        case str():
            whole = _NAME.fullmatch(node)
            return values[whole[1]] if whole else _NAME.sub(lambda match: str(values[match[1]]), node)
    return node
