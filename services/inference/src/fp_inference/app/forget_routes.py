"""Forget routes of models that nobody deploys any more."""

from datetime import timedelta

from fp_kernel import Clock
from fp_telemetry import get_logger

from fp_inference.app.ports import RouteStore
from fp_inference.app.route_table import RouteTable

_log = get_logger(__name__)


class ForgetRoutes:
    """What is older than any event that may still come says nothing that anybody could contradict.

    retention: how long what is over stays known: removed versions; splits and marks of models without a version.
    """

    def __init__(self, table: RouteTable, store: RouteStore, clock: Clock, *, retention: timedelta) -> None:
        self._table = table
        self._store = store
        self._clock = clock
        self._retention = retention

    async def __call__(self) -> int:
        """How many entries went. Raises Unavailable."""
        if not self._table.settled:
            # A model whose versions are not known yet would look like one that has none.
            return 0
        before = self._clock.now() - self._retention
        self._table.forget(before)
        gone = await self._store.forget(before, self._table.is_deployed)
        if gone:
            _log.info("old routes were forgotten", entries=gone)
        return gone
