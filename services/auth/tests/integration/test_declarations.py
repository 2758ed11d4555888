"""What a team keeps in files belongs to one set of them."""

import asyncio
from types import SimpleNamespace

import pytest
from fp_auth.adapters.postgres.declarations import PostgresDeclaredObjects
from fp_auth.app.declarations import ListDeclaredObjects, RecordDeclaredObjects
from fp_auth.domain.declarations import Reference, parse_reference, parse_set
from fp_kernel import Command, FailedPrecondition, InvalidArgument, ResourceExhausted

A, B, C = (Reference("Role", name) for name in "abc")


@pytest.fixture
def declared(world):
    """Record and list, each with the caller's team."""
    record = RecordDeclaredObjects(world.transactions, world.clock)
    list_objects = ListDeclaredObjects(PostgresDeclaredObjects(world.database))

    async def recorded(caller, set_name, applied=(), removed=()):
        command = Command(team=caller.team, rpc="record", key="", fingerprint=b"", encode=lambda _: b"")
        await record(caller, set_name, applied=applied, removed=removed, command=command)

    async def listed(caller, set_name="", size=0, token=""):
        return await list_objects(caller.team, set_name, page_size=size, page_token=token)

    async def names(caller, set_name=""):
        return [each.reference.name for each in (await listed(caller, set_name)).items]

    return SimpleNamespace(record=recorded, list=listed, names=names)


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def test_what_was_applied_belongs_to_its_set_until_it_is_removed(declared, admin):
    await declared.record(admin, "one", [A, B])
    await declared.record(admin, "two", [C])
    await declared.record(admin, "one", [A], [B])

    assert await declared.names(admin) == ["a", "c"]
    assert await declared.names(admin, "one") == ["a"]
    assert await declared.names(admin, "three") == []


async def test_an_object_of_another_set_is_refused_by_name_and_nothing_is_recorded(declared, admin):
    await declared.record(admin, "one", [B])

    with pytest.raises(FailedPrecondition, match="Role b belongs to the set one"):
        await declared.record(admin, "two", [A, B])

    assert await declared.names(admin, "two") == []


async def test_of_two_sets_that_declare_the_same_object_at_once_one_gets_it(declared, admin):
    for number in range(10):
        same = Reference("Role", f"same-{number}")
        ended = await asyncio.gather(
            *(declared.record(admin, name, [same]) for name in ("one", "two")), return_exceptions=True
        )
        assert [type(end) for end in ended if end is not None] == [FailedPrecondition]
        (owner,) = (name for name, end in zip(("one", "two"), ended, strict=True) if end is None)
        assert same.name in await declared.names(admin, owner)


async def test_a_set_removes_nothing_of_another_one(declared, admin):
    await declared.record(admin, "one", [A])
    await declared.record(admin, "two", [], [A])

    assert await declared.names(admin) == ["a"]


async def test_teams_know_nothing_of_each_other(declared, world, admin):
    other = await world.caller(await world.user("admin", team="beta"))
    await declared.record(admin, "one", [A])
    await declared.record(other, "two", [A])

    assert await declared.names(other, "one") == []
    assert await declared.names(other) == ["a"]


async def test_pages_follow_each_other(declared, admin):
    await declared.record(admin, "one", [C, A, B])

    first = await declared.list(admin, "one", 2)
    second = await declared.list(admin, "one", 2, first.next_token)

    assert [[each.reference.name for each in page.items] for page in (first, second)] == [["a", "b"], ["c"]]
    assert second.next_token == ""
    with pytest.raises(InvalidArgument, match="page_token"):
        await declared.list(admin, "two", 2, first.next_token)


async def test_a_team_keeps_so_many_and_repeating_them_is_no_more(declared, admin, monkeypatch):
    monkeypatch.setattr("fp_auth.app.declarations.MAX_OBJECTS", 2)
    await declared.record(admin, "one", [A, B])
    await declared.record(admin, "one", [A, B])

    with pytest.raises(ResourceExhausted):
        await declared.record(admin, "one", [C])


async def test_one_call_records_so_many(declared, admin):
    with pytest.raises(InvalidArgument, match="at most 500"):
        await declared.record(admin, "one", [Reference("Role", str(number)) for number in range(501)])


@pytest.mark.parametrize("name", ["", "-a", "a b", "x" * 64, "../a"])
def test_a_set_has_a_plain_name(name):
    with pytest.raises(InvalidArgument, match="set"):
        parse_set(name)


@pytest.mark.parametrize(
    ("kind", "name"), [("role", "a"), ("", "a"), ("Role", ""), ("Role", "a\nb"), ("Role", "x" * 257)]
)
def test_an_object_is_named_by_its_kind_and_name(kind, name):
    with pytest.raises(InvalidArgument, match=r"applied\[0\]"):
        parse_reference(kind, name, "applied[0]")
