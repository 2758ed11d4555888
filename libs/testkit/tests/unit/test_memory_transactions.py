from collections.abc import Sequence

import pytest
from fp_events import Event
from fp_testkit.memory_transactions import MemoryTransactions
from fp_testkit.suites.transactions import TransactionsSuite


class Subject(MemoryTransactions):
    async def published(self) -> Sequence[Event]:
        return self.events


class TestMemoryTransactions(TransactionsSuite):
    @pytest.fixture
    def transactions(self) -> Subject:
        return Subject()


async def test_a_failed_transaction_puts_the_stores_back():
    models, versions = {"a": [1]}, {}
    transactions = MemoryTransactions(models, versions)
    with pytest.raises(RuntimeError):
        async with transactions.transaction():
            models["a"].append(2)
            models["b"] = [3]
            versions["v"] = 1
            raise RuntimeError
    assert (models, versions) == ({"a": [1]}, {})


async def test_a_committed_transaction_keeps_the_stores():
    models = {}
    async with MemoryTransactions(models).transaction():
        models["a"] = 1
    assert models == {"a": 1}
