"""Which handler a path of plain HTTP has."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from fp_rpc.http2.http_stream import HttpRoute

_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class HttpPaths:
    """Templates such as `/v2/models/{model}/infer`; a parameter has no slash in it."""

    def __init__(self) -> None:
        self._routes: list[tuple[re.Pattern[str], HttpRoute]] = []

    def add(self, template: str, route: HttpRoute) -> None:
        parts = _PARAMETER.split(template)
        pattern = "".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        self._routes.append((re.compile(pattern), route))

    def __bool__(self) -> bool:
        return bool(self._routes)

    def find(self, path: str) -> tuple[HttpRoute, Mapping[str, str]] | None:
        """The route of a path, and its parameters."""
        if not self._routes:
            return None
        plain = unquote(path.partition("?")[0])
        for pattern, route in self._routes:
            if found := pattern.fullmatch(plain):
                return route, found.groupdict()
        return None
