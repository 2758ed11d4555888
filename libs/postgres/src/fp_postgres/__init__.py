"""State and events in one transaction.

What it promises:

- `Database.transaction()` holds a state change and `tx.outbox.add(event)`: both happen or neither. Events of one
  resource get consecutive sequence numbers in the order of their commits.
- `OutboxRelay` publishes what is committed, marks it after the bus has acknowledged it, and keeps it for 24 hours so
  that it can be published again (`republish`). One relay a database works, others stand by.
- `tx.inbox.first` and `.fresh` note what was taken from the bus in the transaction of its effect: an event that comes
  twice has its effect once.
- `Database.transaction(command)` makes a command that is sent twice happen once and answer the same twice.
- `signals.Signals` wakes other replicas (LISTEN/NOTIFY), with the commit; a lost signal costs a poll.
- `migrate` brings a database to what the code expects, forward only.
- Errors of the connection are `fp_kernel` errors: Unavailable when a retry may help, Aborted when a race was lost.
"""

from fp_postgres.database import Database, DatabaseTransactions, Isolation
from fp_postgres.inbox import Inbox
from fp_postgres.migration import migrate
from fp_postgres.outbox import ConvertingOutbox, Outbox
from fp_postgres.relay import OutboxRelay
from fp_postgres.republication import republish, republish_from
from fp_postgres.retention import PRUNE_EVERY, Pruner
from fp_postgres.transaction import Connection, Transaction, UnitOfWork

__all__ = [
    "PRUNE_EVERY",
    "Connection",
    "ConvertingOutbox",
    "Database",
    "DatabaseTransactions",
    "Inbox",
    "Isolation",
    "Outbox",
    "OutboxRelay",
    "Pruner",
    "Transaction",
    "UnitOfWork",
    "migrate",
    "republish",
    "republish_from",
]
