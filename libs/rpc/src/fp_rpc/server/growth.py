"""What a service holds, told to the gateway: its own metrics, which an operator elsewhere cannot read."""

from typing import Any, Final

from forgepoint.platform.v1 import growth_pb2 as pb
from forgepoint.platform.v1.growth_pb2_grpc import GrowthServiceServicer
from fp_telemetry import Metrics, names

_MOST_TABLES: Final = 1_000


class Growth(GrowthServiceServicer):
    """Of several replicas the one that measures the database knows its tables; the others tell none."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._prefix = f"fp_{metrics.noun}_"

    async def TellGrowth(self, request: Any, context: Any) -> pb.TellGrowthResponse:  # noqa: ARG002 -- gRPC's
        """Numbers alone; nothing of what is in the tables."""
        growth = pb.ServiceGrowth(told=True)
        tables: dict[str, pb.TableGrowth] = {}
        measures = False
        for family in self._metrics.registry.collect():
            name = family.name.removeprefix(self._prefix)
            if name == names.SPOOL_BYTES:
                growth.spool_bytes = int(sum(sample.value for sample in family.samples))
            elif name in (names.TABLE_BYTES, names.TABLE_ROWS):
                measures = True
                for sample in family.samples[:_MOST_TABLES]:
                    table = tables.setdefault(sample.labels["table"], pb.TableGrowth(name=sample.labels["table"]))
                    if name == names.TABLE_BYTES:
                        table.bytes = int(sample.value)
                    else:
                        table.rows = int(sample.value)
        growth.measured_elsewhere = measures and not tables
        growth.tables.extend(tables[name] for name in sorted(tables))
        return pb.TellGrowthResponse(growth=growth)
