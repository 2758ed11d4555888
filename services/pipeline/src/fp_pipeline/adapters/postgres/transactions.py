"""The stores of one transaction."""

from fp_postgres import ConvertingOutbox, Transaction

from fp_pipeline.adapters.events import to_event
from fp_pipeline.adapters.postgres.deployments import PostgresDeployments
from fp_pipeline.adapters.postgres.executions import PostgresExecutions
from fp_pipeline.adapters.postgres.logs import PostgresLogs
from fp_pipeline.adapters.postgres.pipelines import PostgresPipelines
from fp_pipeline.adapters.postgres.promotions import PostgresPromotions
from fp_pipeline.adapters.postgres.statistics import PostgresRetrains, PostgresStatistics


class PostgresTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.pipelines = PostgresPipelines(transaction)
        self.executions = PostgresExecutions(transaction)
        self.deployments = PostgresDeployments(transaction)
        self.promotions = PostgresPromotions(transaction)
        self.logs = PostgresLogs(transaction)
        self.statistics = PostgresStatistics(transaction)
        self.retrains = PostgresRetrains(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
