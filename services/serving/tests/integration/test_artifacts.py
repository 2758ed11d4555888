"""The artifact cache, fed by a real HTTP server."""

import asyncio
import hashlib
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fp_devstack.tls.folder import CertificateFiles
from fp_kernel import Unavailable
from fp_serving.adapters.artifacts import ArtifactCache
from fp_serving.app.slot import VersionFacts
from fp_serving.domain.lifecycle import LoadFailed, WrongDigest
from fp_testkit.certificates import Certificates

_CONTENT = b"a model" * 1_000
_DIGEST = f"sha256:{hashlib.sha256(_CONTENT).hexdigest()}"


class _Store(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, _, sent = self.path.strip("/").partition("/")
        self.send_response(int(status))
        self.send_header("content-length", str(len(_CONTENT)))
        self.end_headers()
        self.wfile.write(_CONTENT[: int(sent or len(_CONTENT))])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        """Tests are quiet."""


@pytest.fixture
def store() -> Iterator[str]:
    with _served() as address:
        yield f"http://{address}"


@contextmanager
def _served(certificate: CertificateFiles | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _cache(folder: Path, *, largest: int = 1_000_000, total: int = 1_000_000) -> ArtifactCache:
    return ArtifactCache(folder, max_artifact_bytes=largest, max_bytes=total)


def _facts(digest: str = _DIGEST, size: int = len(_CONTENT), version_id: str = "v-1") -> VersionFacts:
    return VersionFacts("alpha", version_id, "m-1", "3", digest, size)


async def _fetch(cache: ArtifactCache, url: str, facts: VersionFacts | None = None) -> Path:
    async def link() -> str:
        return url

    return await cache.fetch(facts or _facts(), link)


def _files(folder: Path) -> list[Path]:
    return [found for found in folder.rglob("*") if found.is_file()]


async def test_an_artifact_is_downloaded_once_and_found_by_digest(store: str, tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    assert await cache.find(_DIGEST) is None
    path = await _fetch(cache, f"{store}/200")
    assert path.read_bytes() == _CONTENT
    assert await _cache(tmp_path).find(_DIGEST) == path


async def test_the_store_is_verified_by_the_given_authority(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    trusting = ArtifactCache(
        tmp_path / "cache", max_artifact_bytes=1_000_000, max_bytes=1_000_000, ca_file=certificates.authority
    )
    with _served(certificates.of_stranger("seaweedfs")) as address, pytest.raises(Unavailable, match="reached"):
        await _fetch(trusting, f"https://{address}/200")
    with _served(certificates.of("seaweedfs")) as address:
        with pytest.raises(Unavailable, match="reached"):
            await _fetch(_cache(tmp_path / "other"), f"https://{address}/200")
        assert (await _fetch(trusting, f"https://{address}/200")).read_bytes() == _CONTENT


async def test_a_damaged_artifact_is_not_found(store: str, tmp_path: Path) -> None:
    cache = _cache(tmp_path)
    (await _fetch(cache, f"{store}/200")).write_bytes(b"changed")
    assert await cache.find(_DIGEST) is None


@pytest.mark.parametrize(
    ("path", "error"),
    [("403", Unavailable), ("503", Unavailable), ("404", LoadFailed), ("200/100", Unavailable)],
)
async def test_what_is_not_the_artifact_leaves_nothing_behind(
    store: str, tmp_path: Path, path: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _fetch(_cache(tmp_path), f"{store}/{path}")
    assert _files(tmp_path) == []


async def test_another_content_than_the_registry_measured_is_refused(store: str, tmp_path: Path) -> None:
    with pytest.raises(WrongDigest, match="the registry says sha256:0000"):
        await _fetch(_cache(tmp_path), f"{store}/200", _facts("sha256:" + "0" * 64))


async def test_an_artifact_over_the_cap_is_refused_before_and_while_it_is_read(store: str, tmp_path: Path) -> None:
    cache = _cache(tmp_path, largest=1_000)
    with pytest.raises(LoadFailed, match="this runtime loads 1000"):
        await _fetch(cache, f"{store}/200")
    with pytest.raises(LoadFailed, match="more than 1000"):
        await _fetch(cache, f"{store}/200", _facts(size=10))


async def test_a_store_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await _fetch(_cache(tmp_path), "http://127.0.0.1:9/x")


async def test_only_http_is_followed(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed):
        await _fetch(_cache(tmp_path), "file:///etc/hostname")


async def test_what_was_learned_of_a_version_is_remembered(tmp_path: Path) -> None:
    assert await _cache(tmp_path).recall("v-1") is None
    await _cache(tmp_path).remember(_facts())
    assert await _cache(tmp_path).recall("v-1") == _facts()
    assert await _cache(tmp_path).recall("v-2") is None


async def test_the_least_recently_used_artifact_makes_room(store: str, tmp_path: Path) -> None:
    old = tmp_path / "sha256" / ("1" * 64) / "model.onnx"
    newer = tmp_path / "sha256" / ("2" * 64) / "model.onnx"
    for age, path in ((2_000, old), (1_000, newer)):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 4_000)
        os.utime(path, (path.stat().st_atime - age, path.stat().st_mtime - age))
    path = await _fetch(_cache(tmp_path, total=12_000), f"{store}/200")
    assert not old.exists()
    assert newer.exists()
    assert path.exists()


async def test_processes_that_share_the_folder_do_not_disturb_each_other(store: str, tmp_path: Path) -> None:
    caches = [_cache(tmp_path) for _ in range(8)]
    paths = await asyncio.gather(*(_fetch(cache, f"{store}/200") for cache in caches))
    assert len(set(paths)) == 1
    assert paths[0].read_bytes() == _CONTENT
