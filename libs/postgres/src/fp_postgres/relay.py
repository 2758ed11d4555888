"""From the outbox to the bus."""

from fp_events import Bus
from fp_telemetry import Metrics

from fp_postgres.database import Database


class OutboxRelay:
    """Publishes committed outbox rows in the order of their resources, marks them after the ack.

    One relay a database is at work, held by an advisory lock of the session; the others stand by and take over when
    it ends. Wakes by LISTEN/NOTIFY and polls besides.
    """

    def __init__(
        self, database: Database, bus: Bus, *, holder: str, batch: int = 500, metrics: Metrics | None = None
    ) -> None:
        """holder: who holds the lease, for logs and `pg_stat_activity`."""
        self._database = database
        self._bus = bus
        self._holder = holder
        self._batch = batch

    async def run(self) -> None:
        """Until cancelled; outages of the database and the bus are waited out."""
        raise NotImplementedError
