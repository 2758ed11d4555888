"""A signing key that somebody else may have."""

import pytest
from fp_auth.adapters.keyring import RsaKeyFactory
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.sealing import Sealer
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_auth.app.withdraw_signing_key import WithdrawSigningKey
from fp_kernel import InvalidArgument, NotFound


@pytest.fixture
async def signing(world):
    """The keys of a platform that has run for a while; `reloads` counts how often this replica took them anew."""
    keys, sealer = PostgresSigningKeys(world.database), Sealer([bytes(32)], "signing-keys")
    rotate = RotateSigningKeys(keys, world.transactions, RsaKeyFactory(sealer), world.clock)
    await rotate()

    class Signing:
        reloads = 0

        async def reload(self):
            self.reloads += 1

        async def lives(self):
            return [key.life for key in await keys.all()]

        async def current(self):
            return next(life.kid for life in await self.lives() if life.signs_from and not life.retired_at)

    opened = Signing()
    opened.withdraw = WithdrawSigningKey(world.transactions, rotate, opened.reload, world.clock)
    return opened


@pytest.fixture
async def operator(world):
    return await world.caller(await world.user("operator", team="platform"))


async def test_the_next_key_signs_at_once_and_every_service_is_told(world, signing, operator):
    leaked, following = await signing.current(), next(life.kid for life in await signing.lives() if not life.signs_from)

    await signing.withdraw(operator, leaked)

    assert await signing.current() == following
    lives = await signing.lives()
    assert leaked not in {life.kid for life in lives}
    assert sum(life.signs_from is None for life in lives) == 1
    assert await world.column("SELECT kind || ':' || id FROM withdrawals") == [f"signing_key:{leaked}"]
    (event,) = await world.events()
    assert (event.payload.kind, event.payload.id, event.payload.reason) == ("signing_key", leaked, "withdrawn")
    assert signing.reloads == 1


async def test_a_key_that_does_not_sign_yet_is_replaced(world, signing, operator):
    current, following = (
        await signing.current(),
        next(life.kid for life in await signing.lives() if not life.signs_from),
    )

    await signing.withdraw(operator, following)

    assert await signing.current() == current
    assert len(await signing.lives()) == 2


async def test_both_keys_can_be_withdrawn_one_after_the_other(signing, operator):
    for life in await signing.lives():
        await signing.withdraw(operator, life.kid)
    assert sum(life.signs_from is not None for life in await signing.lives()) == 1


async def test_an_unknown_key_changes_nothing(world, signing, operator, refused):
    before = await signing.lives()
    with refused(NotFound, field="kid", reason="SIGNING_KEY_NOT_FOUND"):
        await signing.withdraw(operator, "stranger")
    with refused(InvalidArgument, field="kid"):
        await signing.withdraw(operator, "")
    assert await signing.lives() == before
    assert not await world.events()
