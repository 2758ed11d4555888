"""Artifacts in a real object store."""

import hashlib
import os
import socket
from datetime import timedelta

import httpx
import numpy as np
import pytest
import pytest_asyncio
from fp_kernel import Unavailable
from fp_registry.adapters.objects import ObjectArtifacts
from fp_registry.app.ports import Upload, UploadChanged
from fp_registry.domain.artifact import Measured
from fp_s3 import Location, ObjectStore
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from onnx import TensorProto, helper, numpy_helper

MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def store(s3):
    opened = ObjectStore(Location(s3.endpoint, s3.name, s3.access_key, s3.secret_key))
    yield opened
    await opened.close()


@pytest.fixture
def artifacts(store):
    return ObjectArtifacts(store)


@pytest_asyncio.fixture
async def http():
    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


async def upload(http, artifacts, key, content):
    answer = await http.put(artifacts.upload_url(key, MINUTE), content=content)
    assert answer.status_code == 200
    return await artifacts.look(key)


async def test_what_is_put_to_an_upload_url_is_measured(http, artifacts):
    content = os.urandom(3 * 1024 * 1024 + 5)
    found = await upload(http, artifacts, "uploads/a", content)
    measured = await artifacts.measure("uploads/a", found, served=False)
    assert measured == Measured(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))


async def test_what_is_adopted_is_got_from_its_download_url(http, artifacts):
    found = await upload(http, artifacts, "uploads/a", b"model")
    measured = await artifacts.measure("uploads/a", found, served=False)
    await artifacts.adopt("uploads/a", found, measured)
    key = f"sha256/{measured.digest.removeprefix('sha256:')}"
    assert (await http.get(artifacts.download_url(key, MINUTE))).content == b"model"


async def test_an_upload_that_was_replaced_is_neither_measured_nor_adopted(http, artifacts):
    found = await upload(http, artifacts, "uploads/a", b"model")
    measured = await artifacts.measure("uploads/a", found, served=False)
    await upload(http, artifacts, "uploads/a", b"another")
    with pytest.raises(UploadChanged):
        await artifacts.measure("uploads/a", found, served=False)
    with pytest.raises(UploadChanged):
        await artifacts.adopt("uploads/a", found, measured)
    assert await artifacts.look(f"sha256/{measured.digest.removeprefix('sha256:')}") is None


async def test_an_upload_that_is_gone_counts_as_changed(artifacts):
    gone = Upload("0" * 32, 3)
    with pytest.raises(UploadChanged):
        await artifacts.measure("uploads/none", gone, served=False)
    with pytest.raises(UploadChanged):
        await artifacts.adopt("uploads/none", gone, Measured("sha256:" + "0" * 64, 3))


async def test_there_is_nothing_to_look_at_before_the_upload(artifacts):
    assert await artifacts.look("uploads/none") is None


async def test_discarding_twice_does_no_harm(http, artifacts):
    await upload(http, artifacts, "uploads/a", b"model")
    await artifacts.discard("uploads/a")
    await artifacts.discard("uploads/a")
    assert await artifacts.look("uploads/a") is None


async def test_discarding_while_the_store_is_away_is_no_error(s3):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = Location(f"http://127.0.0.1:{unused.getsockname()[1]}", s3.name, s3.access_key, s3.secret_key)
        artifacts = ObjectArtifacts(ObjectStore(away))
        with pytest.raises(Unavailable):
            await artifacts.look("uploads/a")
        await artifacts.discard("uploads/a")


async def test_the_graph_of_a_model_is_read_in_the_pass_that_hashes_it(http, artifacts):
    """Weights of several pieces lie between the graph's beginning and its outputs."""
    weights = numpy_helper.from_array(np.frombuffer(os.urandom(3 * 1024 * 1024), np.float32), "w")
    made = served_model(weights)
    content = made.SerializeToString()
    measured = await artifacts.measure("uploads/a", await upload(http, artifacts, "uploads/a", content), served=True)
    assert measured == Measured(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))

    del made.graph.output[:]
    content = made.SerializeToString()
    measured = await artifacts.measure("uploads/a", await upload(http, artifacts, "uploads/a", content), served=True)
    assert "no output" in measured.flaw
    assert measured.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


async def test_what_is_no_model_is_measured_to_its_end(http, artifacts):
    content = os.urandom(16) + bytes(2 * 1024 * 1024)
    found = await upload(http, artifacts, "uploads/a", b"\x07" + content)
    measured = await artifacts.measure("uploads/a", found, served=True)
    assert "no ONNX model" in measured.flaw
    assert measured.size_bytes == len(content) + 1


def served_model(*constants):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
