"""The routes of the gateway's HTTP application, read from the application itself."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fp_gateway.http.app import application
from fp_gateway.http.route_table import API
from fp_gateway.methods import all_methods
from fp_oip.paths import INFER
from rules.protos import Rpc

# Below these a credential is needed, but for the paths that say who somebody is and the protocol's own probes.
_CREDENTIAL_NEEDED: Final = ("/api", "/v1", "/v2")
_OPEN: Final = frozenset(
    {"/api/v1/login", "/api/v1/refresh", "/api/v1/logout", "/v2", "/v2/health/live", "/v2/health/ready"}
)
# Which the gateway answers itself where there is no edge.
_ANSWERED_BY: Final = dict.fromkeys(INFER, "inference")
_PARAMETER: Final = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """path: with parameters in braces. verbs: that are taken there. public: without a credential. noun: of the service
    that answers it; empty for the gateway.
    """

    path: str
    verbs: tuple[str, ...]
    public: bool
    noun: str = ""

    @property
    def pattern(self) -> str | None:
        """A regular expression of the path; None where it has no parameter."""
        if not _PARAMETER.search(self.path):
            return None
        return "[^/]+".join(re.escape(part) for part in _PARAMETER.split(self.path)).replace(r"\-", "-")


def routes(rpcs: list[Rpc]) -> list[HttpRoute]:
    """One a path and whether it is public, those without parameters first."""
    verbs: dict[tuple[str, bool], set[str]] = {}
    for path, verb in _entries():
        verbs.setdefault((path, _is_public(path, verb, rpcs)), set()).add(verb)
    found = [
        HttpRoute(path, tuple(sorted(names)), public, _ANSWERED_BY.get(path, ""))
        for (path, public), names in verbs.items()
    ]
    return sorted(found, key=lambda route: (route.pattern is not None, route.path, route.public))


def _is_public(path: str, verb: str, rpcs: list[Rpc]) -> bool:
    if path in _OPEN:
        return True
    if not path.startswith(_CREDENTIAL_NEEDED):
        return True
    methods = {route.method for route in API if f"/api/v1{route.path}" == path and route.verb == verb}
    public = {f"/{rpc.package}.{rpc.service}/{rpc.name}" for rpc in rpcs if rpc.access and rpc.access.public}
    return bool(methods) and methods <= public


def _entries() -> Iterator[tuple[str, str]]:
    for route in _routes():
        for verb in route.methods or ():
            yield route.path, verb


def _routes() -> list[Any]:
    """Those of the application as it runs; what it needs to answer is not there, and is not asked."""
    parameters = inspect.signature(application).parameters
    stand_ins: dict[str, Any] = {name: _Rpc() if name == "rpc" else _Nothing() for name in parameters}
    app: Any = application(**stand_ins)
    while not hasattr(app, "routes"):
        app = app._app  # noqa: SLF001 -- each layer wraps the next one
    return list(app.routes)


class _Nothing:
    """Stands for whatever the application is given."""

    def __getattr__(self, name: str) -> "_Nothing":
        return self

    def __call__(self, *_: Any, **__: Any) -> "_Nothing":
        return self

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""


class _Rpc(_Nothing):
    def __init__(self) -> None:
        self._methods = all_methods()

    def method(self, path: str) -> Any:
        return self._methods[path]
