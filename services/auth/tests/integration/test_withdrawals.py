"""What ended before its time, as auth stores it and as its own replicas hold it."""

from datetime import timedelta

import pytest
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals
from fp_auth.adapters.withdrawals import stored_withdrawals
from fp_auth.domain.withdrawals import API_KEY, REMEMBERED, USER, everything, logins_before
from fp_auth.retention import Prune


@pytest.fixture
def stored(database):
    return PostgresWithdrawals(database)


async def listed(stored):
    return [each async for page in stored.pages() for each in page]


async def test_the_newest_word_about_an_identity_stays_and_has_the_greatest_revision(stored, world):
    disabled = await stored.add(everything(USER, "ann", world.now()))
    enabled = await stored.add(logins_before(USER, "ann", world.now()))
    other = await stored.add(everything(USER, "bob", world.now()))

    assert disabled.revision < enabled.revision < other.revision
    assert await listed(stored) == [enabled, other]


async def test_a_withdrawal_is_listed_until_no_token_can_be_out(stored, world):
    await stored.add(everything(USER, "ann", world.now()))
    world.clock.advance(timedelta(hours=24).total_seconds())
    await Prune(world.transactions, world.clock)()
    assert len(await listed(stored)) == 1
    world.clock.advance(REMEMBERED.total_seconds())
    await Prune(world.transactions, world.clock)()
    assert await listed(stored) == []


async def test_all_pages_are_listed(stored, world, monkeypatch):
    monkeypatch.setattr("fp_auth.adapters.postgres.withdrawals._PAGE", 2)
    for number in range(5):
        await stored.add(everything(USER, f"user-{number}", world.now()))
    assert [each.id for each in await listed(stored)] == [f"user-{number}" for number in range(5)]


async def test_a_replica_reads_what_other_services_are_told(stored, world):
    await stored.add(logins_before(USER, "ann", world.now(), spared_session="s-1"))
    await stored.add(everything(API_KEY, "key", world.now()))
    everywhere = {each.id: each for each in await stored_withdrawals(stored)()}
    assert everywhere["ann"].before == world.now().timestamp()
    assert everywhere["ann"].spared_session == "s-1"
    assert everywhere["key"].before == float("inf")


async def test_a_revoked_key_is_listed_for_a_replica_that_missed_its_event(stored, world):
    caller = await world.caller(await world.user("engineer"))
    issued = await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="")
    await world.do.revoke_api_key(caller, issued.key.id)
    assert [(each.kind, each.id) for each in await listed(stored)] == [(API_KEY, issued.key.id)]
