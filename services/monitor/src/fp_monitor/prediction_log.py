"""The prediction log, put together."""

from dataclasses import dataclass
from datetime import timedelta

from fp_events import Bus, Missed
from fp_postgres import Database
from fp_runtime import Runtime
from fp_s3 import ObjectStore
from fp_telemetry import get_logger

from fp_monitor.adapters import parquet
from fp_monitor.adapters.postgres.erased_entities import PostgresErasedEntities
from fp_monitor.adapters.postgres.left_files import PostgresLeftFiles
from fp_monitor.adapters.postgres.log import PostgresLogTransactions
from fp_monitor.adapters.postgres.log_reads import PostgresLogReads, PostgresWaste
from fp_monitor.api import consumers
from fp_monitor.api.log_grpc import PredictionLogServicer
from fp_monitor.app.erase_entities import EraseEntities
from fp_monitor.app.forget_log import ForgetLog
from fp_monitor.app.label_log import LabelLog
from fp_monitor.app.log_ports import LogStores
from fp_monitor.app.merge_log import MergeLog
from fp_monitor.app.ports import Peers
from fp_monitor.app.read_log import ReadLog
from fp_monitor.app.set_log import DeleteLog, EraseLogged, SetLog
from fp_monitor.app.write_log import WriteLog
from fp_monitor.domain.log import LogFile
from fp_monitor.metrics import Metrics

_MINUTELY = 60
_HOURLY = 3_600
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the log is made of. labels_wait: how long a prediction is stored for its label."""

    database: Database
    objects: ObjectStore
    peers: Peers
    metrics: Metrics
    labels_wait: timedelta


def start(runtime: Runtime, bus: Bus, parts: Parts) -> PredictionLogServicer:
    """The log is written from now on; what answers for it."""
    clock, database, objects = runtime.clock, parts.database, parts.objects
    transactions, reads = PostgresLogTransactions(database), PostgresLogReads(database)
    left = PostgresLeftFiles(database)

    def unreadable(file: LogFile) -> None:
        parts.metrics.log_unreadable()
        _log.error("a file of the prediction log cannot be read", object=file.object, predictions=file.predictions)

    stores = LogStores(transactions, reads, PostgresWaste(database), left, PostgresErasedEntities(database), objects)
    write = WriteLog(stores, parquet.encode, clock, consumer=consumers.LOG.name)
    merge = MergeLog(stores, parquet.merge, clock, unreadable)
    forget = ForgetLog(stores, clock, events=consumers.LOG.retention)
    label = LabelLog(stores, parquet, clock, labels_wait=parts.labels_wait, unreadable=unreadable)
    servicer = PredictionLogServicer(
        set_log=SetLog(transactions, reads, left, parts.peers, clock),
        delete_log=DeleteLog(transactions, left, clock),
        erase=EraseLogged(transactions, clock),
        read=ReadLog(stores, parquet.read, clock, unreadable),
        encode=parquet.encode,
    )

    async def missed(gap: Missed) -> None:
        parts.metrics.log_missed()
        _log.error("predictions for the log were dropped unread", since=str(gap.since), until=str(gap.until))

    on_logged = consumers.write_log(write, parts.metrics.logged)
    runtime.keep("prediction log", lambda: bus.consume(consumers.LOG, on_logged, missed=missed))
    runtime.every(_MINUTELY, "files of the prediction log", merge)
    runtime.every(_MINUTELY, "erased predictions", merge.erase)
    entities = EraseEntities(stores, merge, parquet.concerned, unreadable)
    runtime.every(_MINUTELY, "predictions of erased entities", entities)
    runtime.every(_HOURLY, "labels of the prediction log", label)
    runtime.every(_HOURLY, "old predictions of the log", forget)
    return servicer
