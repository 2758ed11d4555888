"""Secrets of teams on a real database: versions, encryption, rotation of keys, and who may have what."""

import asyncio
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_auth.adapters.postgres.secrets import PostgresSecretReads, PostgresSecretTransaction
from fp_auth.app import set_secret
from fp_auth.app.change_secret import ChangeSecretVersion, DeleteSecret
from fp_auth.app.read_secrets import ListSecrets, ResolveSecrets
from fp_auth.app.rewrap_secrets import RewrapSecrets
from fp_auth.app.set_secret import SetSecret
from fp_auth.domain.secrets import MOST_BYTES, VersionStatus
from fp_kernel import (
    NO_COMMAND,
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PageRequest,
    Principal,
    Replayed,
)
from fp_postgres import DatabaseTransactions
from fp_sealing import Envelope, KeyRing
from fp_testkit.clock import ManualClock

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)
ANN = Principal("ann", "alpha", "admin", frozenset({"*:*"}), 0.0)
EVE = replace(ANN, user_id="eve", team="beta")
OLD, NEW = b"o" * 32, b"n" * 32


class Vault:
    """keys: of the platform, the first one wraps."""

    def __init__(self, database, *keys):
        clock, self.database = ManualClock(NOON), database
        self.clock = clock
        self.transactions, self.reads = (
            DatabaseTransactions(database, PostgresSecretTransaction),
            PostgresSecretReads(database),
        )
        self.keys, envelope = KeyRing(keys or [OLD]), Envelope()
        self._set = SetSecret(self.transactions, self.keys, envelope, clock)
        self.changes = {each: ChangeSecretVersion(self.transactions, clock, each) for each in VersionStatus}
        self._delete = DeleteSecret(self.transactions, clock)
        self.resolve = ResolveSecrets(self.reads, self.keys, envelope)
        self.rewrap = RewrapSecrets(self.reads, self.transactions, self.keys)
        self.list = ListSecrets(self.reads)

    async def set(self, value, name="db", *, expected=None, by=ANN, command=NO_COMMAND):
        return await self._set(by, name=name, value=value, expected=expected, command=command)

    async def change(self, number, status, name="db", by=ANN):
        return await self.changes[status](by, name=name, number=number, command=NO_COMMAND)

    async def delete(self, name="db", by=ANN):
        await self._delete(by, name=name, command=NO_COMMAND)

    async def get(self, *references, by=ANN):
        return list(await self.resolve(by, references or ("secret://db",)))

    async def everything(self):
        rows = []
        for table in ("secrets", "secret_versions", "fp_commands"):
            rows += [row["line"] for row in await self.database.fetch(f"SELECT t::text AS line FROM {table} t")]  # noqa: S608
        return "\n".join(rows)


@pytest.fixture
def vault(database):
    return Vault(database)


async def test_a_reference_means_the_newest_version_or_the_one_that_it_names(vault):
    first, second = await vault.set(b"one"), await vault.set(b"two")
    assert (first.number, second.number) == (1, 2)
    assert await vault.get("secret://db", "secret://db@1", "secret://db@2") == [b"two", b"one", b"two"]


async def test_the_tables_hold_only_ciphertext(vault):
    value = b"marked-value-7f3a"
    await vault.set(value)
    await vault.set(value)
    whole = await vault.everything()
    assert "alpha" in whole
    for form in (value.decode(), value.hex(), b64encode(value).decode()):
        assert form not in whole
    rows = await vault.database.fetch("SELECT sealed, wrapped_key FROM secret_versions")
    assert len({row["sealed"] for row in rows}) == len({row["wrapped_key"] for row in rows}) == 2


@pytest.mark.parametrize("place", ["team", "name", "number", "sealed", "wrapped_key"])
async def test_a_value_that_was_moved_or_changed_does_not_open(vault, place):
    await vault.set(b"one")
    await vault.set(b"other", name="other")
    changes = {
        "team": "UPDATE secret_versions SET sealed = (SELECT sealed FROM secret_versions WHERE team = 'beta')",
        "name": """UPDATE secret_versions v SET sealed = o.sealed, wrapped_key = o.wrapped_key
                   FROM secret_versions o WHERE o.name = 'other' AND v.name = 'db'""",
        "number": "UPDATE secret_versions SET number = 2 WHERE name = 'db'",
        "sealed": "UPDATE secret_versions SET sealed = set_byte(sealed, 14, get_byte(sealed, 14) # 1)",
        "wrapped_key": """UPDATE secret_versions
                          SET wrapped_key = set_byte(wrapped_key, 14, get_byte(wrapped_key, 14) # 1)""",
    }
    if place == "team":
        await vault.set(b"theirs", by=EVE)
    await vault.database.execute(changes[place])
    if place == "number":
        await vault.database.execute("UPDATE secrets SET last_version = 2")
    with pytest.raises(FailedPrecondition) as refused:
        await vault.get()
    assert refused.value.reason == "SECRET_KEY_MISSING"


async def test_another_team_has_other_secrets(vault):
    await vault.set(b"ours")
    with pytest.raises(NotFound) as refused:
        await vault.get(by=EVE)
    assert refused.value.reason == "SECRET_NOT_FOUND"
    await vault.set(b"theirs", by=EVE)
    assert await vault.get() == [b"ours"]
    with pytest.raises(NotFound):
        await vault.change(2, VersionStatus.DISABLED, by=EVE)


async def test_a_disabled_version_is_withheld_until_it_is_enabled(vault):
    await vault.set(b"one")
    await vault.set(b"two")
    changed = await vault.change(2, VersionStatus.DISABLED)
    assert (changed.changed_by, changed.changed_at) == ("ann", NOON)
    with pytest.raises(FailedPrecondition) as refused:
        await vault.get()
    assert refused.value.reason == "SECRET_VERSION_DISABLED", "the version before is not taken in its place"
    assert await vault.get("secret://db@1") == [b"one"]
    await vault.change(2, VersionStatus.ENABLED)
    assert await vault.get() == [b"two"]


async def test_a_destroyed_version_is_gone_for_good(vault):
    await vault.set(b"one")
    await vault.change(1, VersionStatus.DESTROYED)
    (row,) = await vault.database.fetch("SELECT sealed, wrapped_key FROM secret_versions")
    assert (row["sealed"], row["wrapped_key"]) == (b"", b"")
    with pytest.raises(FailedPrecondition) as refused:
        await vault.get()
    assert refused.value.reason == "SECRET_VERSION_DESTROYED"
    with pytest.raises(FailedPrecondition):
        await vault.change(1, VersionStatus.ENABLED)


async def test_a_deleted_secret_leaves_no_value_and_its_numbers_go_on(vault):
    await vault.set(b"one")
    await vault.set(b"two")
    await vault.delete()
    assert await vault.database.fetch("SELECT 1 FROM secret_versions") == []
    with pytest.raises(NotFound):
        await vault.get()
    with pytest.raises(NotFound):
        await vault.delete()
    assert (await vault.set(b"three")).number == 3
    with pytest.raises(NotFound):
        await vault.get("secret://db@2")
    assert await vault.get() == [b"three"]


async def test_who_expects_another_version_changes_nothing(vault):
    with pytest.raises(Aborted) as refused:
        await vault.set(b"x", expected=1)
    assert refused.value.reason == "SECRET_CHANGED"
    await vault.set(b"one", expected=0)
    with pytest.raises(Aborted):
        await vault.set(b"again", expected=0)
    assert (await vault.set(b"two", expected=1)).number == 2
    await vault.delete()
    assert (await vault.set(b"three", expected=0)).number == 3


async def test_writers_at_once_have_a_version_each(vault):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(vault.set(str(n).encode())) for n in range(5)]
    numbers = sorted(task.result().number for task in tasks)
    assert numbers == [1, 2, 3, 4, 5]


async def test_values_names_and_numbers_are_bounded(vault, monkeypatch):
    for value in (b"", b"x" * (MOST_BYTES + 1)):
        with pytest.raises(InvalidArgument):
            await vault.set(value)
    assert (await vault.set(b"x" * MOST_BYTES)).number == 1
    for name in ("", "a b", "../x", "x@1", "x" * 101, "-x", "x\n"):
        with pytest.raises(InvalidArgument):
            await vault.set(b"x", name=name)
    monkeypatch.setattr(set_secret, "MOST_SECRETS", 2)
    await vault.set(b"x", name="second")
    with pytest.raises(FailedPrecondition) as refused:
        await vault.set(b"x", name="third")
    assert refused.value.reason == "TOO_MANY_SECRETS"
    monkeypatch.setattr(set_secret, "MOST_VERSIONS", 1)
    with pytest.raises(FailedPrecondition) as refused:
        await vault.set(b"x")
    assert refused.value.reason == "TOO_MANY_SECRET_VERSIONS"
    await vault.change(1, VersionStatus.DESTROYED)
    assert (await vault.set(b"x")).number == 2


@pytest.mark.parametrize(
    "reference", ["db", "secret://", "secret://db@", "secret://db@0", "secret://db@x", "secret://a b"]
)
async def test_what_is_no_reference_is_refused(vault, reference):
    with pytest.raises(InvalidArgument):
        await vault.get(reference)


async def test_a_new_key_wraps_what_is_new_and_the_old_one_can_go_after_rewrapping(vault, database):
    await vault.set(b"one")
    await vault.set(b"gone")
    await vault.change(2, VersionStatus.DESTROYED)
    both, only_new = Vault(database, NEW, OLD), Vault(database, NEW)
    await both.set(b"three")
    assert await both.get("secret://db@1", "secret://db") == [b"one", b"three"]
    with pytest.raises(FailedPrecondition) as refused:
        await only_new.get("secret://db@1")
    assert refused.value.reason == "SECRET_KEY_MISSING"
    failed = await only_new.rewrap()
    assert (failed.rewrapped, failed.unreadable) == (0, 1)
    done = await both.rewrap()
    assert (done.rewrapped, done.unreadable) == (1, 0)
    assert (await both.rewrap()).rewrapped == 0
    assert await only_new.get("secret://db@1", "secret://db") == [b"one", b"three"]


async def test_lists_show_no_values_and_go_on_by_page(vault):
    for name in ("b", "a", "c"):
        await vault.set(b"hidden", name=name)
    await vault.set(b"hidden", name="a")
    await vault.delete("c")
    page = await vault.list.secrets("alpha", PageRequest(1), ("s",))
    assert [(secret.name, secret.latest.number, secret.created_by) for secret in page.items] == [("a", 2, "ann")]
    rest = await vault.list.secrets("alpha", PageRequest(5, ("a",)), ("s",))
    assert [secret.name for secret in rest.items] == ["b"]
    versions = await vault.list.versions("alpha", "a", PageRequest(5), ("v",))
    assert [version.number for version in versions.items] == [2, 1]
    with pytest.raises(NotFound):
        await vault.list.versions("alpha", "c", PageRequest(5), ("v",))
    assert "hidden" not in repr((page, rest, versions))


async def test_the_same_command_makes_one_version(vault):
    command = replace(NO_COMMAND, team="alpha", rpc="/Set", key="k", fingerprint=b"f" * 32, encode=lambda _: b"done")
    await vault.set(b"one", command=command)
    with pytest.raises(Replayed):
        await vault.set(b"one", command=command)
    assert len((await vault.list.versions("alpha", "db", PageRequest(5), ("v",))).items) == 1
