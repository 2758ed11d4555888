"""Files of jobs in a real object store."""

import hashlib
import urllib.request

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from fp_pipeline.adapters.s3 import S3Artifacts, client
from fp_testkit.patience import PATIENCE


@pytest.fixture
def artifacts(s3):
    return S3Artifacts(client(s3.endpoint, s3.access_key, s3.secret_key, region="us-east-1"), s3.name)


def put(url: str, content: bytes) -> None:
    request = urllib.request.Request(url, data=content, method="PUT")  # noqa: S310 -- presigned here
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
        response.read()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310 -- presigned here
        content: bytes = response.read()
    return content


async def test_what_is_put_by_one_url_is_read_by_another(artifacts):
    put(await artifacts.writing_url("pipelines/e/s/1/a.bin", 60), b"content")
    assert get(await artifacts.reading_url("pipelines/e/s/1/a.bin", 60)) == b"content"
    assert await artifacts.read("pipelines/e/s/1/a.bin", 100) == b"content"


async def test_what_the_service_writes_is_replaced_by_the_next_writing(artifacts):
    for content in (b"[1, 2]", b"[3]"):
        await artifacts.write("pipelines/e/s/1/inputs/each/items.json", content)
    assert get(await artifacts.reading_url("pipelines/e/s/1/inputs/each/items.json", 60)) == b"[3]"


async def test_a_file_that_is_not_there_is_none_and_a_large_one_is_refused(artifacts):
    assert await artifacts.read("pipelines/nothing", 10) is None
    put(await artifacts.writing_url("large", 60), b"x" * 11)
    assert await artifacts.read("large", 11) == b"x" * 11
    with pytest.raises(InvalidArgument, match="larger than 10 bytes"):
        await artifacts.read("large", 10)


async def test_an_empty_file_is_read_as_empty(artifacts):
    put(await artifacts.writing_url("empty", 60), b"")
    assert await artifacts.read("empty", 10) == b""


async def test_a_large_file_is_digested_and_sent_on_in_pieces(artifacts):
    content = bytes(range(256)) * 20_000
    put(await artifacts.writing_url("model.onnx", 60), content)
    assert await artifacts.digest("model.onnx") == f"sha256:{hashlib.sha256(content).hexdigest()}"
    await artifacts.put_to("model.onnx", await artifacts.writing_url("uploads/v1", 60))
    assert await artifacts.read("uploads/v1", len(content)) == content
    with pytest.raises(NotFound):
        await artifacts.digest("nothing")
    with pytest.raises(NotFound):
        await artifacts.put_to("nothing", await artifacts.writing_url("uploads/v2", 60))


async def test_a_url_that_was_tampered_with_is_denied(artifacts):
    put(await artifacts.writing_url("model.onnx", 60), b"x")
    url = await artifacts.writing_url("uploads/v1", 60)
    with pytest.raises(PermissionDenied):
        await artifacts.put_to("model.onnx", url.replace("uploads/v1", "uploads/v2"))


async def test_a_store_that_is_away_is_unavailable_and_a_missing_bucket_is_said(s3):
    away = S3Artifacts(client("http://127.0.0.1:1", "a" * 8, "b" * 8, region="us-east-1"), "bucket")
    with pytest.raises(Unavailable):
        await away.read("x", 1)
    with pytest.raises(Unavailable):
        await away.ping()
    missing = S3Artifacts(client(s3.endpoint, s3.access_key, s3.secret_key, region="us-east-1"), "no-such-bucket")
    with pytest.raises(FailedPrecondition):
        await missing.ping()


async def test_files_of_one_execution_are_deleted_and_no_others(artifacts):
    for key in ("pipelines/e/s/1/a.bin", "pipelines/e/t/2/inputs/b.json", "pipelines/e2/s/1/a.bin"):
        await artifacts.write(key, b"{}")
    assert await artifacts.delete_below("pipelines/e/") == 2
    assert await artifacts.delete_below("pipelines/e/") == 0
    assert await artifacts.read("pipelines/e/s/1/a.bin", 10) is None
    assert await artifacts.read("pipelines/e2/s/1/a.bin", 10) == b"{}"
