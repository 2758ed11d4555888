"""The stores of one transaction."""

from fp_postgres import ConvertingOutbox, Transaction

from fp_experiment.adapters.events import to_event
from fp_experiment.adapters.postgres.experiments import PostgresExperiments
from fp_experiment.adapters.postgres.lineage import PostgresLineage
from fp_experiment.adapters.postgres.runs import PostgresRuns


class PostgresTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.experiments = PostgresExperiments(transaction)
        self.runs = PostgresRuns(transaction)
        self.lineage = PostgresLineage(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
