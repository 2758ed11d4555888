"""Placeholders in the settings of `services.toml`: `{name}` and `{name:argument}`."""

import re
from collections.abc import Callable, Mapping

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([\w.]+))?\}")
# Those whose value somebody could misuse.
_SECRET = frozenset({"token", "letters", "key", "credential_hashes", "edge_proofs"})


def fill(settings: Mapping[str, str], values: Mapping[str, Callable[[str], str]]) -> dict[str, str]:
    """values: by the name of the placeholder, called with its argument. Raises KeyError for another name."""
    return {
        name: _PLACEHOLDER.sub(lambda match: values[match[1]](match[2] or ""), text) for name, text in settings.items()
    }


def is_secret(text: str) -> bool:
    """Whether a setting with this value stands among secrets, where settings and secrets lie apart."""
    return any(match[1] in _SECRET for match in _PLACEHOLDER.finditer(text))
