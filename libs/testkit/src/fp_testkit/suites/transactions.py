"""The promises of a transaction, in a database and in memory."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest
from fp_events import Event
from fp_kernel import Command, InvalidArgument, Replayed, new_id
from fp_postgres import UnitOfWork

from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import registered, running


class Transactions(Protocol):
    """What the suite drives. published: the events of committed transactions in the order they would leave."""

    def transaction(self, command: Command | None = None) -> AbstractAsyncContextManager[UnitOfWork]: ...

    async def published(self) -> Sequence[Event]: ...


def command(key: str = "key-1", *, body: bytes = b"body", team: str = "red", rpc: str = "/svc/Create") -> Command:
    return Command(team=team, rpc=rpc, key=key, fingerprint=body, encode=lambda result: str(result).encode())


class OutboxSuite:
    """Needs a fixture `transactions` with nothing in it."""

    async def test_an_event_leaves_with_its_transaction(self, transactions: Transactions) -> None:
        event = registered()
        async with transactions.transaction() as tx:
            tx.outbox.add(event)
        assert [one.id for one in await transactions.published()] == [event.id]

    async def test_a_failed_transaction_leaves_nothing(self, transactions: Transactions) -> None:
        await _fail(transactions)
        assert not await transactions.published()

    async def test_a_cancelled_transaction_leaves_nothing(self, transactions: Transactions) -> None:
        inside = asyncio.Event()

        async def hang() -> None:
            async with transactions.transaction() as tx:
                tx.outbox.add(registered())
                inside.set()
                await asyncio.sleep(PATIENCE)

        async with running(hang()):
            await inside.wait()
        assert not await transactions.published()
        async with transactions.transaction():
            pass

    async def test_events_of_a_resource_are_numbered_without_gaps(self, transactions: Transactions) -> None:
        for _ in range(2):
            async with transactions.transaction() as tx:
                tx.outbox.add(registered("one"))
                tx.outbox.add(registered("other"))
                tx.outbox.add(registered("one"))
        numbers = [(event.resource_id, event.sequence) for event in await transactions.published()]
        assert [number for resource, number in numbers if resource == "model-one"] == [1, 2, 3, 4]
        assert [number for resource, number in numbers if resource == "model-other"] == [1, 2]

    async def test_a_failed_transaction_leaves_no_gap(self, transactions: Transactions) -> None:
        await _fail(transactions)
        async with transactions.transaction() as tx:
            tx.outbox.add(registered())
        assert [event.sequence for event in await transactions.published()] == [1]

    async def test_concurrent_transactions_number_a_resource_in_their_order(self, transactions: Transactions) -> None:
        async def change() -> None:
            async with transactions.transaction() as tx:
                await asyncio.sleep(0)
                tx.outbox.add(registered("one"))
                tx.outbox.add(registered("other"))

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(change())
        published = await transactions.published()
        for resource in ("model-one", "model-other"):
            numbers = [event.sequence for event in published if event.resource_id == resource]
            assert numbers == list(range(1, 21))

    async def test_the_outbox_says_who_produced_the_event(self, transactions: Transactions) -> None:
        async with transactions.transaction() as tx:
            tx.outbox.add(Event("fp.models.archived", registered().payload, "red", "model-1", "archived"))
        (event,) = await transactions.published()
        assert event.source == "test"

    async def test_an_event_that_no_bus_would_take_is_refused_where_it_is_made(
        self, transactions: Transactions
    ) -> None:
        with pytest.raises(ValueError, match="no subject"):
            async with transactions.transaction() as tx:
                tx.outbox.add(registered(type="models registered"))
        with pytest.raises(InvalidArgument, match="bytes"):
            async with transactions.transaction() as tx:
                tx.outbox.add(registered("x" * 1_000_001))


class InboxSuite:
    async def test_an_event_is_first_once(self, transactions: Transactions) -> None:
        event_id = new_id()
        answers = []
        for _ in range(2):
            async with transactions.transaction() as tx:
                answers.append(await tx.inbox.first("billing", event_id))
        assert answers == [True, False]

    async def test_an_event_is_first_for_every_consumer(self, transactions: Transactions) -> None:
        event_id = new_id()
        async with transactions.transaction() as tx:
            assert await tx.inbox.first("billing", event_id)
            assert await tx.inbox.first("monitor", event_id)

    async def test_a_failed_effect_leaves_its_event_fresh(self, transactions: Transactions) -> None:
        event_id = new_id()
        await _fail(transactions, event_id=event_id)
        async with transactions.transaction() as tx:
            assert await tx.inbox.first("billing", event_id)

    async def test_a_batch_tells_which_of_its_events_are_fresh(self, transactions: Transactions) -> None:
        known, new, newer = new_id(), new_id(), new_id()
        async with transactions.transaction() as tx:
            assert await tx.inbox.fresh("billing", [known]) == {known}
        async with transactions.transaction() as tx:
            assert await tx.inbox.fresh("billing", [new, known, newer, new]) == {new, newer}
            assert await tx.inbox.fresh("billing", [new, known]) == set()
            assert await tx.inbox.fresh("billing", []) == set()

    async def test_two_replicas_with_the_same_batch_share_it(self, transactions: Transactions) -> None:
        ids = [new_id() for _ in range(50)]
        fresh: list[str] = []

        async def take(order: Sequence[str]) -> None:
            async with transactions.transaction() as tx:
                fresh.extend(await tx.inbox.fresh("billing", order))

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for order in (ids, ids[::-1], ids[25:] + ids[:25]):
                group.create_task(take(order))
        assert sorted(fresh) == sorted(ids)


class CommandSuite:
    async def test_a_repeated_command_answers_the_first_response(self, transactions: Transactions) -> None:
        given = command()
        async with transactions.transaction(given) as tx:
            tx.outbox.add(registered())
            await tx.complete("made")
        with pytest.raises(Replayed) as replayed:
            async with transactions.transaction(command()):
                pytest.fail("it was done twice")
        assert replayed.value.response == b"made"
        assert len(await transactions.published()) == 1

    async def test_the_same_key_with_another_body_is_refused(self, transactions: Transactions) -> None:
        await _do(transactions, command())
        with pytest.raises(InvalidArgument) as refused:
            await _do(transactions, command(body=b"other"))
        assert refused.value.fields[0].field == "idempotency_key"

    async def test_a_key_belongs_to_its_team_and_rpc(self, transactions: Transactions) -> None:
        for other in (command(), command(team="blue"), command(rpc="/svc/Delete"), command("key-2")):
            await _do(transactions, other)

    async def test_a_command_without_key_may_be_repeated(self, transactions: Transactions) -> None:
        for _ in range(2):
            await _do(transactions, command(""))

    async def test_a_failed_command_may_be_repeated(self, transactions: Transactions) -> None:
        with pytest.raises(RuntimeError):
            async with transactions.transaction(command()):
                raise RuntimeError
        await _do(transactions, command())

    async def test_a_concurrent_twin_waits_for_the_first_and_answers_the_same(self, transactions: Transactions) -> None:
        outcomes: list[bytes] = []

        async def do() -> None:
            try:
                await _do(transactions, command())
                outcomes.append(b"first")
            except Replayed as replayed:
                outcomes.append(replayed.response)

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(do())
        assert sorted(outcomes) == [b"done", b"done", b"done", b"first"]

    async def test_a_command_that_is_not_completed_changes_nothing(self, transactions: Transactions) -> None:
        with pytest.raises(RuntimeError, match="not completed"):
            async with transactions.transaction(command()) as tx:
                tx.outbox.add(registered())
        assert not await transactions.published()


class TransactionsSuite(OutboxSuite, InboxSuite, CommandSuite):
    """Everything; needs a fixture `transactions` with nothing in it."""


async def _do(transactions: Transactions, given: Command) -> None:
    async with transactions.transaction(given) as tx:
        await tx.complete("done")


async def _fail(transactions: Transactions, *, event_id: str = "") -> None:
    """A transaction that adds an event, takes one, and fails."""

    async def attempt() -> None:
        async with transactions.transaction() as tx:
            tx.outbox.add(registered())
            await tx.inbox.first("billing", event_id or new_id())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await attempt()
