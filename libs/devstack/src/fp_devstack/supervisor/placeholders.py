"""Placeholders in the settings of `services.toml`: `{name}` and `{name:argument}`."""

import re
from collections.abc import Callable, Mapping

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([\w.]+))?\}")


def fill(settings: Mapping[str, str], values: Mapping[str, Callable[[str], str]]) -> dict[str, str]:
    """values: by the name of the placeholder, called with its argument. Raises KeyError for another name."""
    return {
        name: _PLACEHOLDER.sub(lambda match: values[match[1]](match[2] or ""), text) for name, text in settings.items()
    }
