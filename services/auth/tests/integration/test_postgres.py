"""What only a real database can show: races, constraints, plans."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from fp_auth.adapters.guesses import password_policy
from fp_auth.adapters.keyring import RsaKeyFactory
from fp_auth.adapters.sealing import Sealer
from fp_auth.app.assign_role import AssignRole
from fp_auth.app.ensure_operator import EnsureOperator
from fp_auth.app.ports import Subject
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_auth.domain.lockout import PAIR, Bucket
from fp_auth.domain.users import User
from fp_kernel import FailedPrecondition, Principal, new_id
from fp_testkit.clock import ManualClock

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
EVERYTHING = Principal("root", "alpha", "admin", frozenset({"*:*"}), expires_at=0)
SEALER = Sealer([b"k" * 32], "signing-keys")


class SlowHasher:
    async def hash(self, password: str) -> str:
        await asyncio.sleep(0)
        return "hash"


def admin(**changes) -> User:
    facts = {
        "id": new_id(),
        "email": f"{new_id()}@example.com",
        "name": "",
        "team": "alpha",
        "role": "admin",
        "created_at": NOW,
        "password_hash": "hash",
    }
    return User(**(facts | changes))


async def test_the_roles_are_seeded_with_their_scopes(stores):
    scopes = {
        name: (await stores.roles.find(name)).scopes
        for name in ("operator", "admin", "engineer", "viewer", "service", "job")
    }
    read = {"models", "features", "experiments", "pipelines", "deployments", "monitors"}
    assert scopes["operator"] == {"*:*", "platform:admin"}
    assert scopes["admin"] == {"*:*"}
    own = {"billing:read", "notifications:read", "api-keys:read", "api-keys:write"}
    assert scopes["viewer"] == {f"{resource}:read" for resource in read} | own
    own |= {"predictions:create", "predictions:read", "secrets:read", "secrets:write", "teams:read", "teams:write"}
    assert scopes["engineer"] == scopes["viewer"] | {f"{resource}:write" for resource in read} | own
    assert scopes["job"] == {"models:read", "features:read", "experiments:write"}
    assert not any(scope.startswith(("users", "api-keys", "audit", "*")) for scope in scopes["service"])


async def test_many_replicas_that_rotate_at_once_leave_one_current_and_one_next_key(stores, transactions):
    rotate = RotateSigningKeys(stores.signing_keys, transactions, RsaKeyFactory(SEALER), ManualClock(NOW))
    await asyncio.gather(*(rotate() for _ in range(4)))
    lives = [key.life for key in await stores.signing_keys.all()]
    assert len(lives) == 2
    assert sum(life.signs_from is not None for life in lives) == 1


async def test_replicas_that_find_the_period_over_rotate_once(stores, transactions):
    clock = ManualClock(NOW)
    rotate = RotateSigningKeys(stores.signing_keys, transactions, RsaKeyFactory(SEALER), clock)
    await rotate()
    clock.advance(timedelta(days=31).total_seconds())
    await asyncio.gather(*(rotate() for _ in range(3)))
    lives = [key.life for key in await stores.signing_keys.all()]
    assert len(lives) == 3
    assert sum(life.retired_at is not None for life in lives) == 1


async def test_two_replicas_create_one_first_operator(stores, transactions):
    ensure = EnsureOperator(stores.users, transactions, password_policy(), SlowHasher(), ManualClock(NOW))
    created = await asyncio.gather(
        *(
            ensure(email=f"root{number}@example.com", password="a-river-and-9-lanterns", team="platform")
            for number in range(4)
        )
    )
    assert sum(created) == 1
    assert [user.role for user in await stores.users.lock_administrators("platform")] == ["operator"]


async def test_two_admins_who_demote_each_other_do_not_both_succeed(stores, transactions):
    admins = [admin(), admin()]
    for one in admins:
        await stores.users.add(one)
    assign = AssignRole(transactions)
    results = await asyncio.gather(
        *(assign(EVERYTHING, user_id=one.id, role_name="viewer", may_see=lambda _: True) for one in admins),
        return_exceptions=True,
    )
    assert sum(isinstance(result, FailedPrecondition) for result in results) == 1
    assert len(await stores.users.lock_administrators("alpha")) == 1


async def test_failures_from_many_replicas_at_once_all_count(stores, transactions):
    subject = Subject("pair", b"a" * 32)

    async def fail():
        async with transactions() as tx:
            bucket = (await tx.attempts.lock([subject]))[subject]
            await tx.attempts.save(subject, bucket.counted(PAIR, NOW))

    await asyncio.gather(*(fail() for _ in range(20)))
    async with transactions() as tx:
        assert (await tx.attempts.lock([subject]))[subject] == Bucket(NOW + 20 * PAIR.pause)


async def test_the_database_itself_refuses_a_second_current_key(database):
    insert = "INSERT INTO signing_keys (kid, public_jwk, sealed, created_at, signs_from) VALUES ($1, '', '', $2, $2)"
    await database.execute(insert, "a", NOW)
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.execute(insert, "b", NOW)


async def test_the_database_itself_refuses_an_unknown_role_and_a_raw_key(database, stores):
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await stores.users.add(admin(role="root"))
    owner = admin()
    await stores.users.add(owner)
    with pytest.raises(asyncpg.CheckViolationError):
        await database.execute(
            """
            INSERT INTO api_keys (id, team, user_id, name, prefix, key_hash, scopes, created_by, created_at)
            VALUES ($1, 'alpha', $2, '', 'fp_', 'fp_raw', '{models:read}', '', timestamptz '2013-03-01Z')
            """,
            new_id(),
            owner.id,
        )
