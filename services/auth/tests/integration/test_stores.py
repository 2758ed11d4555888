"""What each store promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_auth.app.ports import SigningKey, Subject
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import UserCreated
from fp_auth.domain.lockout import Bucket
from fp_auth.domain.sessions import RefreshToken
from fp_auth.domain.signing import KeyLife
from fp_auth.domain.users import User
from fp_kernel import Command, PageRequest, Replayed, new_id

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Refused(Exception):
    """A decision against the transaction."""


def a_user(**changes) -> User:
    user = User(
        id=new_id(),
        email=f"{new_id()}@example.com",
        name="Ada",
        team="alpha",
        role="viewer",
        created_at=NOW,
        password_hash="$argon2id$...",
    )
    return replace(user, **changes)


def a_key(user: User, **changes) -> ApiKey:
    key = ApiKey(
        id=new_id(),
        team=user.team,
        user_id=user.id,
        name="ci",
        prefix="fp_AAAAA",
        scopes=frozenset({"models:read", "*:write"}),
        created_at=NOW,
        expires_at=NOW + HOUR,
    )
    return replace(key, **changes)


async def add_user(transactions, **changes) -> User:
    user = a_user(**changes)
    async with transactions() as tx:
        assert await tx.users.add(user)
    return user


async def add_key(transactions, user: User, key_hash: bytes = b"h" * 32, **changes) -> ApiKey:
    key = a_key(user, **changes)
    async with transactions() as tx:
        await tx.api_keys.add(key, key_hash, "creator")
    return key


async def test_a_user_is_found_as_he_was_added(stores, transactions):
    user = await add_user(transactions)
    assert await stores.users.find(user.id) == user
    assert await stores.users.find_by_email(user.email) == user
    assert await stores.users.find(new_id()) is None
    assert await stores.users.find_by_email("nobody@example.com") is None


async def test_an_address_has_one_account(stores, transactions):
    user = await add_user(transactions)
    async with transactions() as tx:
        assert not await tx.users.add(a_user(email=user.email))


async def test_a_transaction_that_fails_leaves_nothing(stores, transactions):
    user = a_user()

    async def refused() -> None:
        async with transactions() as tx:
            await tx.users.add(user)
            tx.outbox.add(UserCreated(user, "actor"))
            raise Refused

    with pytest.raises(Refused):
        await refused()
    assert await stores.users.find(user.id) is None


async def test_role_and_hash_change(stores, transactions):
    user = await add_user(transactions)
    assert not await stores.users.operator_exists()
    async with transactions() as tx:
        await tx.users.set_role(user.id, "admin")
        await tx.users.set_password_hash(user.id, "other")
        assert [found.id for found in await tx.users.lock_administrators("alpha")] == [user.id]
        assert not await tx.users.lock_administrators("beta")
    assert await stores.users.find(user.id) == replace(user, role="admin", password_hash="other")
    assert not await stores.users.operator_exists()


async def test_an_operator_is_found_among_the_administrators_of_every_team(stores, transactions):
    user = await add_user(transactions, role="operator")
    await add_key(transactions, user)
    assert await stores.users.operator_exists()
    assert (await stores.users.find(user.id)).role == "operator"
    holder = await stores.api_keys.find_by_hash(b"h" * 32)
    assert (holder.user.role, holder.role) == ("operator", await stores.roles.find("operator"))
    async with transactions() as tx:
        assert [found.role for found in await tx.users.lock_administrators("beta")] == ["operator"]
        await tx.users.set_role(user.id, "viewer")
        assert not await tx.users.lock_administrators("alpha")
    assert (await stores.users.find(user.id)).role == "viewer"


async def test_users_come_in_order_and_by_team_with_one_more_than_the_page(stores, transactions):
    ids = sorted([(await add_user(transactions)).id for _ in range(4)])
    await add_user(transactions, team="beta")
    first = await stores.users.page("alpha", PageRequest(2))
    assert [user.id for user in first] == ids[:3]
    rest = await stores.users.page("alpha", PageRequest(2, (ids[1],)))
    assert [user.id for user in rest] == ids[2:]


async def test_a_key_is_found_with_its_owner_and_his_role(stores, transactions):
    user = await add_user(transactions)
    key = await add_key(transactions, user)
    holder = await stores.api_keys.find_by_hash(b"h" * 32)
    assert (holder.key, holder.user, holder.role.scopes) == (key, user, (await stores.roles.find("viewer")).scopes)
    assert await stores.api_keys.find_by_hash(b"x" * 32) is None


async def test_a_key_of_another_team_cannot_be_locked(stores, transactions):
    key = await add_key(transactions, await add_user(transactions))
    async with transactions() as tx:
        assert await tx.api_keys.lock("alpha", key.id) == key
        assert await tx.api_keys.lock("beta", key.id) is None
        assert await tx.api_keys.lock("alpha", new_id()) is None


async def test_a_key_is_saved_with_its_end_and_its_successor(stores, transactions):
    user = await add_user(transactions)
    key = await add_key(transactions, user)
    successor = await add_key(transactions, user, b"s" * 32)
    ended = replace(key, expires_at=NOW, revoked_at=NOW, replaced_by=successor.id)
    async with transactions() as tx:
        await tx.api_keys.save(ended)
    assert (await stores.api_keys.find_by_hash(b"h" * 32)).key == ended


async def test_the_last_use_never_goes_back(stores, transactions):
    key = await add_key(transactions, await add_user(transactions))
    for minute in (NOW, NOW + HOUR, NOW):
        await stores.api_keys.touch(key.id, minute)
    assert (await stores.api_keys.find_by_hash(b"h" * 32)).key.last_used_at == NOW + HOUR


async def test_keys_come_in_order_and_by_owner(stores, transactions):
    user, other = await add_user(transactions), await add_user(transactions)
    keys = [await add_key(transactions, user, bytes([number]) * 32) for number in range(3)]
    await add_key(transactions, other)
    async with transactions() as tx:
        await tx.api_keys.save(replace(keys[1], revoked_at=NOW))

    async def ids(page, *, include_revoked):
        found = await stores.api_keys.page("alpha", user.id, page, include_revoked=include_revoked)
        return [key.id for key in found]

    assert await ids(PageRequest(5), include_revoked=False) == [keys[0].id, keys[2].id]
    assert await ids(PageRequest(1), include_revoked=True) == [keys[0].id, keys[1].id]
    assert await ids(PageRequest(5, (keys[0].id,)), include_revoked=True) == [keys[1].id, keys[2].id]


async def start_session(transactions, user: User) -> str:
    family = new_id()
    async with transactions() as tx:
        await tx.sessions.start(family, user.id, NOW, NOW + 2 * HOUR)
        await tx.sessions.add_token(family, b"t" * 32, NOW, NOW + HOUR, predecessor=None)
    return family


async def test_a_token_knows_its_family(stores, transactions):
    user = await add_user(transactions)
    family = await start_session(transactions, user)
    async with transactions() as tx:
        assert await tx.sessions.lock(b"t" * 32) == RefreshToken(family, user.id, NOW, NOW + 2 * HOUR, NOW + HOUR)
        assert await tx.sessions.lock(b"x" * 32) is None
        await tx.sessions.spend(b"t" * 32, NOW)
        await tx.sessions.end(family, NOW + HOUR, "reuse")
        await tx.sessions.end(family, NOW + 2 * HOUR, "logout")
    async with transactions() as tx:
        token = await tx.sessions.lock(b"t" * 32)
    assert token == RefreshToken(family, user.id, NOW, NOW + 2 * HOUR, NOW + HOUR, spent_at=NOW, ended_at=NOW + HOUR)


async def test_families_go_when_their_time_is_over(stores, transactions):
    await start_session(transactions, await add_user(transactions))
    async with transactions() as tx:
        assert await tx.sessions.prune(NOW + 2 * HOUR, 100) == 0
        assert await tx.sessions.prune(NOW + 3 * HOUR, 100) == 1
        assert await tx.sessions.lock(b"t" * 32) is None


async def test_failures_are_counted_by_subject(stores, transactions):
    pair, address = Subject("pair", b"a"), Subject("address", b"a")
    full = Bucket(NOW + HOUR)
    async with transactions() as tx:
        assert await tx.attempts.lock([address, pair]) == {pair: Bucket(), address: Bucket()}
        await tx.attempts.save(pair, full)
    async with transactions() as tx:
        assert (await tx.attempts.lock([pair, address]))[pair] == full
        await tx.attempts.forget(pair)
    async with transactions() as tx:
        assert await tx.attempts.lock([pair]) == {pair: Bucket()}


async def test_empty_buckets_go_a_bite_at_a_time_oldest_first(stores, transactions):
    async with transactions() as tx:
        for n in range(5):
            await tx.attempts.lock([Subject("pair", bytes([n]))])
            await tx.attempts.save(Subject("pair", bytes([n])), Bucket(NOW + n * HOUR))
        assert [await tx.attempts.prune(NOW + 4 * HOUR, 3) for _ in range(3)] == [3, 1, 0]


async def test_signing_keys_live_from_next_to_retired(stores, transactions):
    def made(kid: str, **life) -> SigningKey:
        return SigningKey(KeyLife(kid, NOW, **life), '{"kid": 1}', b"sealed")

    async with transactions() as tx:
        await tx.exclusive("signing-keys")
        await tx.signing_keys.add(made("a", signs_from=NOW))
        await tx.signing_keys.add(made("b"))
    assert list(await stores.signing_keys.all()) == [made("a", signs_from=NOW), made("b")]
    async with transactions() as tx:
        await tx.signing_keys.retire("a", NOW + HOUR)
        await tx.signing_keys.promote("b", NOW + HOUR)
    assert [key.life for key in await stores.signing_keys.all()] == [
        KeyLife("a", NOW, NOW, NOW + HOUR),
        KeyLife("b", NOW, NOW + HOUR),
    ]
    async with transactions() as tx:
        await tx.signing_keys.drop(["a"])
    assert [key.life.kid for key in await stores.signing_keys.all()] == ["b"]


async def test_service_credentials_follow_the_environment_after_an_overlap(stores, transactions):
    async def replaced(now, *pairs):
        async with transactions() as tx:
            await tx.service_credentials.replace(pairs, now)

    async def hashes(now, service="registry"):
        return sorted(await stores.service_credentials.hashes(service, now))

    old, new = b"o" * 32, b"n" * 32
    await replaced(NOW, ("registry", old), ("inference", old))
    await replaced(NOW, ("registry", new), ("inference", old))
    assert await hashes(NOW + HOUR - timedelta(seconds=1)) == [new, old]
    assert await hashes(NOW + HOUR) == [new]
    assert await hashes(NOW + 5 * HOUR, "inference") == [old]
    await replaced(NOW, ("registry", old))
    assert old in await hashes(NOW + HOUR)
    await replaced(NOW)
    assert await hashes(NOW + HOUR) == []


async def test_a_command_is_done_once_and_answered_twice(stores, transactions):
    command = Command("alpha", "/rpc", "key", b"f" * 32, lambda result: str(result).encode())
    async with transactions(command) as tx:
        await tx.complete("answer")
    with pytest.raises(Replayed) as replayed:
        async with transactions(command):
            pass
    assert replayed.value.response == b"answer"
