"""A refused call runs through the files that docs/reading.md names, and through no others."""

import re
import sys
from pathlib import Path

import grpc
import pytest

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "docs" / "reading.md").is_file())
LIBRARY = ROOT / "libs" / "rpc" / "src"


class Trace:
    """The files of the library of which something runs."""

    def __init__(self):
        self.files = set()

    def __enter__(self):
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _called(self, frame, event, argument):
        self.files.add(frame.f_code.co_filename)


def walk():
    page = (ROOT / "docs" / "reading.md").read_text()
    section = page.split("## From main.py to a refused call\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"`(libs/rpc/src/[\w./]+\.py)`", section))


def files_of(traced):
    paths = [Path(name) for name in traced]
    return {str(path.relative_to(ROOT)) for path in paths if path.is_relative_to(LIBRARY)}


@pytest.mark.parametrize("claims", [None, {"scopes": []}], ids=["without a credential", "without the permission"])
async def test_a_refused_call_runs_through_the_files_of_the_walk_alone(serve, shapes, keys, claims):
    address = (await serve()).address
    metadata = [] if claims is None else [("authorization", f"Bearer {keys.sign(**claims)}")]
    async with grpc.aio.insecure_channel(address) as channel:
        stub = shapes.rpc.ShapesServiceStub(channel)
        with Trace() as trace, pytest.raises(grpc.aio.AioRpcError):
            await stub.One(shapes.pb.Request(), metadata=metadata)

    found = files_of(trace.files)
    assert "libs/rpc/src/fp_rpc/server/interceptor.py" in found
    assert "libs/rpc/src/fp_rpc/errors.py" in found
    assert sorted(found - walk()) == []
