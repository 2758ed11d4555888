"""What the API and the consumers may ask for."""

from dataclasses import dataclass

from fp_kernel import Clock

from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.delete_monitor import DeleteMonitor
from fp_monitor.app.filling import Filling
from fp_monitor.app.ports import Peers, Reads, Signals, Transactions
from fp_monitor.app.queries import Queries
from fp_monitor.app.reset_baseline import ResetBaseline
from fp_monitor.app.stream_reports import StreamReports
from fp_monitor.app.submit_truth import SubmitTruth


@dataclass(frozen=True, slots=True)
class UseCases:
    configure_monitor: ConfigureMonitor
    delete_monitor: DeleteMonitor
    reset_baseline: ResetBaseline
    submit_truth: SubmitTruth
    stream_reports: StreamReports
    queries: Queries


def build(
    *,
    transactions: Transactions,
    reads: Reads,
    peers: Peers,
    signals: Signals,
    filling: Filling,
    clock: Clock,
    poll: float,
) -> UseCases:
    """poll: seconds after which watchers look without a signal."""
    return UseCases(
        configure_monitor=ConfigureMonitor(transactions, reads, peers, clock),
        delete_monitor=DeleteMonitor(transactions, clock),
        reset_baseline=ResetBaseline(transactions, clock),
        submit_truth=SubmitTruth(transactions, filling, clock),
        stream_reports=StreamReports(reads, signals, poll=poll),
        queries=Queries(reads),
    )
