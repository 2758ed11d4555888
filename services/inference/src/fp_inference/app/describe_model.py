"""Description of a served model: its tensors and versions."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from fp_kernel import Error
from fp_kernel.signatures import UNDECLARED, Signature
from fp_telemetry import get_logger

from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.ports import Runtimes
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route, Target

_MOST = 256

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Described:
    """signature: of the stable version, else of the one with the most traffic."""

    route: Route
    signature: Signature


class DescribeModel:
    """Asks the runtime for the tensors of a version that declared none, once."""

    def __init__(self, table: RouteTable, fresh: FreshRoutes, runtimes: Runtimes) -> None:
        self._table = table
        self._fresh = fresh
        self._runtimes = runtimes
        self._found: OrderedDict[tuple[str, str], Signature] = OrderedDict()

    async def __call__(self, team: str, model_name: str) -> Described:
        """Raises NotFound."""
        route = await self._fresh.read(team, model_name, partial(self._table.get, team, model_name))
        target = _spokesman(route)
        signature = target.signature if target is not None else UNDECLARED
        if target is not None and signature == UNDECLARED:
            signature = await self._ask(target, team, model_name)
        return Described(route, signature)

    async def _ask(self, target: Target, team: str, model_name: str) -> Signature:
        key = (target.version_id, target.endpoint)
        if key not in self._found:
            try:
                self._found[key] = await self._runtimes.describe(target, team, model_name)
            except Error as error:
                _log.warning("a runtime did not describe its model", model=model_name, kind=error.kind.value)
                return UNDECLARED
            if len(self._found) > _MOST:
                self._found.popitem(last=False)
        return self._found[key]


def _spokesman(route: Route) -> Target | None:
    stable = next((target for target in route.active if route.is_stable(target)), None)
    if stable is not None or not route.weighted:
        return stable
    return max(route.weighted, key=lambda item: item[1])[0]
