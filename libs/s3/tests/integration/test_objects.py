"""A real S3 API."""

import hashlib
import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from fp_s3 import Location, ObjectChanged, ObjectFacts, ObjectStore
from fp_s3.objects import patience
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

MINUTE = timedelta(minutes=1)
MIB = 1024 * 1024


@pytest.fixture
def location(s3):
    return Location(s3.endpoint, s3.name, s3.access_key, s3.secret_key)


@pytest.fixture
async def objects(location):
    store = ObjectStore(location)
    yield store
    await store.close()


@pytest.fixture
async def http():
    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


@contextmanager
def closed_port():
    """Nobody else takes it meanwhile."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


async def test_what_was_put_is_got_listed_and_deleted(objects):
    for key in ("a/2", "a/1", "b/1"):
        await objects.put(key, key.encode())

    assert await objects.get("a/1", limit=10) == b"a/1"
    assert await objects.list("a/") == ["a/1", "a/2"]
    await objects.delete(["a/1", "a/2", "a/none"])
    assert await objects.list("") == ["b/1"]


async def test_an_object_that_is_put_again_is_replaced(objects):
    for content in (b"first", b"second"):
        await objects.put("a", content)
    assert await objects.get("a", limit=10) == b"second"


async def test_objects_below_a_prefix_are_deleted_and_no_others(objects):
    for key in ("e/s/1/a.bin", "e/t/2/inputs/b.json", "e2/s/1/a.bin"):
        await objects.put(key, b"{}")
    assert await objects.delete_below("e/") == 2
    assert await objects.delete_below("e/") == 0
    assert await objects.list("") == ["e2/s/1/a.bin"]


async def test_an_object_that_is_not_there_is_none(objects):
    assert await objects.get("nothing", limit=10) is None
    assert await objects.find("nothing") is None


async def test_an_empty_object_is_there(objects):
    await objects.put("empty", b"")
    assert await objects.get("empty", limit=10) == b""
    assert (await objects.find("empty")).size_bytes == 0


async def test_an_object_beyond_the_limit_is_refused(objects):
    await objects.put("folder/large", b"x" * 11)
    assert await objects.get("folder/large", limit=11) == b"x" * 11
    with pytest.raises(InvalidArgument, match="large is larger than 10 bytes"):
        await objects.get("folder/large", limit=10)


async def test_a_large_object_passes_in_pieces(objects):
    content = os.urandom(3 * MIB + 5)
    await objects.put("large", content)
    found = await objects.find("large")
    sizes = await objects.scan("large", lambda pieces: [len(piece) for piece in pieces], etag=found.etag)
    assert sum(sizes) == found.size_bytes == len(content)
    assert max(sizes) <= MIB
    assert await objects.digest("large") == f"sha256:{hashlib.sha256(content).hexdigest()}"


async def test_a_scan_that_has_enough_reads_no_further(objects):
    await objects.put("large", bytes(3 * MIB))
    assert await objects.scan("large", lambda pieces: len(next(iter(pieces)))) <= MIB
    assert await objects.get("large", limit=3 * MIB) == bytes(3 * MIB)


async def test_a_copy_is_made_if_the_source_is_still_what_was_found(objects):
    await objects.put("a", b"model")
    found = await objects.find("a")
    await objects.copy("a", "b", found)
    assert await objects.get("b", limit=10) == b"model"

    await objects.put("a", b"other")
    with pytest.raises(ObjectChanged):
        await objects.copy("a", "c", found)
    with pytest.raises(ObjectChanged):
        await objects.scan("a", list, etag=found.etag)
    assert await objects.find("c") is None


async def test_what_is_gone_is_not_found(objects):
    for call in (
        objects.digest("none"),
        objects.scan("none", list),
        objects.copy("none", "b", ObjectFacts("0" * 32, 3)),
        objects.send("none", objects.upload_url("b", MINUTE)),
    ):
        with pytest.raises(NotFound):
            await call


async def test_what_is_put_by_one_url_is_got_by_another(objects, http):
    answer = await http.put(objects.upload_url("a", MINUTE), content=b"content")
    assert answer.status_code == 200
    assert (await http.get(objects.download_url("a", MINUTE))).content == b"content"


async def test_a_url_is_good_for_its_object_and_its_method_only(objects, http):
    await objects.put("a", b"model")
    put = objects.upload_url("a", MINUTE)
    assert (await http.get(put)).status_code == 403
    assert (await http.put(put.replace("/a?", "/b?"), content=b"x")).status_code == 403
    assert (await http.get(objects.download_url("a", MINUTE) + "0")).status_code == 403


async def test_an_object_is_sent_to_a_url(objects):
    content = bytes(range(256)) * 20_000
    await objects.put("a", content)
    await objects.send("a", objects.upload_url("b", MINUTE))
    assert await objects.get("b", limit=len(content)) == content
    url = objects.upload_url("b", MINUTE)
    with pytest.raises(PermissionDenied):
        await objects.send("a", url.replace("/b?", "/c?"))


async def test_urls_are_signed_for_the_public_endpoint_without_asking_anyone(location):
    # Nothing listens there: a call to the store would fail.
    public = ObjectStore(replace(location, public_endpoint="https://models.example.test"))
    assert public.upload_url("a", MINUTE).startswith(f"https://models.example.test/{location.bucket}/a?")
    await public.close()


async def test_a_bucket_that_does_not_exist_is_told_apart_from_a_store_that_is_away(location):
    with pytest.raises(FailedPrecondition):
        await ObjectStore(replace(location, bucket="no-such-bucket")).ping()


async def test_a_store_that_is_away_is_unavailable(location):
    with closed_port() as port:
        store = ObjectStore(replace(location, endpoint=f"http://127.0.0.1:{port}"))
        for call in (store.ping(), store.find("a"), store.get("a", limit=1), store.list("a"), store.delete(["a"])):
            with pytest.raises(Unavailable):
                await call


async def test_wrong_credentials_make_the_store_unavailable_and_not_empty(location):
    """A refusal that the caller of a service or a background job took for its own would be final."""
    store = ObjectStore(replace(location, secret_key="wrong"))
    for call in (store.find("a"), store.get("a", limit=1), store.put("a", b"x"), store.list("a"), store.delete(["a"])):
        with pytest.raises(Unavailable):
            await call
    await store.close()


def test_a_copy_has_the_time_that_its_bytes_take():
    assert patience(0) == 15
    # The largest that a copy in one request may be, at 16 MiB a second.
    assert patience(5 * 2**30) == 15 + 5 * 64
