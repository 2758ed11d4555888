"""Reads a config field by field."""

import math
import re
from collections.abc import Mapping
from typing import Any

from fp_kernel import InvalidArgument, invalid

from fp_pipeline.domain.definition import JsonObject

_MAX_OUTPUTS = 64
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RESULT = "result.json"


class ConfigReader:
    """Reads a config and names the field of whatever is wrong."""

    def __init__(self, config: JsonObject, path: str) -> None:
        self._config = config
        self._path = path
        self._read: set[str] = set()

    def text(self, key: str, *, required: bool = False) -> str:
        value = self._take(key, "")
        if not isinstance(value, str):
            raise self.bad(key, "must be text")
        if required and not value:
            raise self.bad(key, "is required")
        return value

    def number(self, key: str, default: float, *, low: float, high: float) -> float:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.bad(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, default: int, *, low: int, high: int) -> int:
        value = self.number(key, default, low=low, high=high)
        if not value.is_integer():
            raise self.bad(key, "must be a whole number")
        return int(value)

    def limit(self, key: str, *, low: float, high: float) -> float | None:
        """None when it is not given."""
        if self._take(key, None) is None:
            return None
        return self.number(key, low, low=low, high=high)

    def whether(self, key: str) -> bool:
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def files(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, list | tuple) or len(value) > _MAX_OUTPUTS:
            raise self.bad(key, f"must be a list of at most {_MAX_OUTPUTS} file names")
        for index, name in enumerate(value):
            if not isinstance(name, str) or not _FILE.fullmatch(name) or name == _RESULT:
                raise self.bad(f"{key}[{index}]", f"must be a plain file name, and not {_RESULT}")
        if len(set(value)) != len(value):
            raise self.bad(key, "names a file twice")
        return tuple(value)

    def numbers(self, key: str) -> Mapping[str, float]:
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.bad(key, "must be an object of numbers")
        for name, number in value.items():
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise self.bad(f"{key}.{name}", "must be a number")
        return {name: float(number) for name, number in value.items()}

    def texts(self, key: str) -> Mapping[str, str]:
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.bad(key, "must be an object of texts")
        for name, text in value.items():
            if not isinstance(text, str):
                raise self.bad(f"{key}.{name}", "must be text")
        return dict(value)

    def file_of_step(self, key: str) -> str:
        value = self.text(key)
        step_id, _, file = value.partition("/")
        if value and (not step_id or not _FILE.fullmatch(file)):
            raise self.bad(key, "must be <step>/<file>")
        return value

    def names(self, key: str) -> tuple[str, str] | None:
        """`<step>/<key of its output>` in two; None when it is not given."""
        value = self.text(key)
        step_id, _, name = value.partition("/")
        if value and not (step_id and name):
            raise self.bad(key, "must be <step>/<key of its output>")
        return (step_id, name) if value else None

    def entries(self, key: str) -> list[Any] | None:
        """None when it is not given."""
        value = self._take(key, None)
        if value is not None and not isinstance(value, list | tuple):
            raise self.bad(key, "must be a list")
        return None if value is None else list(value)

    def inside(self, key: str) -> "ConfigReader | None":
        """A reader of the object at the key; None when it is not given."""
        value = self._take(key, None)
        if value is not None and not isinstance(value, Mapping):
            raise self.bad(key, "must be an object")
        return None if value is None else ConfigReader(value, f"{self._path}.{key}")

    def close(self) -> None:
        """Refuse keys that nobody read: a misspelt one would be ignored in silence."""
        for key in self._config:
            if key not in self._read:
                raise self.bad(key, "is not a setting of this type of step")

    def bad(self, key: str, description: str) -> InvalidArgument:
        return invalid(f"{self._path}.{key}", description)

    def _take(self, key: str, default: Any) -> Any:
        self._read.add(key)
        value = self._config.get(key)
        return default if value is None else value
