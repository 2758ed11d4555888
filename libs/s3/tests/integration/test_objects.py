import socket

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, Unavailable
from fp_s3 import Location, ObjectStore


@pytest.fixture
async def objects(s3):
    store = ObjectStore(Location(s3.endpoint, s3.name, s3.access_key, s3.secret_key))
    yield store
    await store.close()


async def test_what_was_put_is_got_listed_and_deleted(objects):
    for key in ("a/2", "a/1", "b/1"):
        await objects.put(key, key.encode())

    assert await objects.get("a/1", limit=10) == b"a/1"
    assert await objects.list("a/") == ["a/1", "a/2"]
    await objects.delete(["a/1", "a/2", "a/none"])
    assert await objects.list("") == ["b/1"]


async def test_an_object_that_is_not_there_is_none(objects):
    assert await objects.get("nothing", limit=10) is None


async def test_an_object_beyond_the_limit_is_refused_without_reading_all_of_it(objects):
    await objects.put("large", b"x" * 11)

    with pytest.raises(InvalidArgument):
        await objects.get("large", limit=10)


async def test_a_bucket_that_does_not_exist_is_told_apart_from_a_store_that_is_away(s3):
    with pytest.raises(FailedPrecondition):
        await ObjectStore(Location(s3.endpoint, "no-such-bucket", s3.access_key, s3.secret_key)).ping()


async def test_a_store_that_is_away_is_unavailable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        store = ObjectStore(Location(f"http://127.0.0.1:{unused.getsockname()[1]}", "bucket", "key", "secret"))
        with pytest.raises(Unavailable):
            await store.ping()
