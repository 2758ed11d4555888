"""Key sets: what is read of them and when they are fetched."""

import asyncio
import json
import threading
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fp_kernel import Unavailable
from fp_rpc import HttpJwks
from fp_rpc.identity.jwks import read_jwks
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT


class Time:
    seconds = 0.0

    def now(self):
        return MOMENT

    def monotonic(self):
        return self.seconds


class Site:
    """An HTTP address with a key set that can be replaced and taken away."""

    def __init__(self, jwks):
        self.body = json.dumps(jwks).encode()
        self.status = 200
        self.fetches = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.fetches += 1
                self.send_response(site.status)
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/.well-known/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site(keys):
    site = Site(keys.jwks)
    yield site
    site.close()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def source(site, time):
    return HttpJwks(site.url, clock=time)


async def test_a_key_set_is_fetched_once_for_many_calls(site, source):
    found = await asyncio.gather(*(source.key("one") for _ in range(5)))

    assert all(found)
    assert site.fetches == 1


async def test_an_unknown_key_id_fetches_once_an_interval(site, source, time, make_keys):
    await source.key("one")
    time.seconds = 11
    for _ in range(5):
        assert await source.key("two") is None
    assert site.fetches == 2

    site.body = json.dumps(make_keys("two").jwks).encode()
    time.seconds = 22

    assert await source.key("two") is not None
    assert site.fetches == 3


async def fetched(source):
    """Let the fetch end that runs beside the calls."""
    async with asyncio.timeout(PATIENCE):
        while source._sets._running:
            await asyncio.sleep(0.001)


async def test_a_withdrawn_key_ends_when_the_set_is_old(site, source, time, make_keys):
    assert await source.key("one") is not None
    site.body = json.dumps(make_keys("two").jwks).encode()
    assert await source.key("one") is not None

    time.seconds = 601
    await source.key("one")
    await fetched(source)

    assert await source.key("one") is None


async def test_a_call_whose_key_is_there_never_waits_for_auth(source, time, monkeypatch):
    assert await source.key("one") is not None
    answer = threading.Event()
    monkeypatch.setattr("fp_rpc.identity.jwks._fetch", lambda _url: answer.wait(PATIENCE) and {})
    time.seconds = 601
    try:
        assert all([await source.key("one") for _ in range(3)])
        assert source._sets._running
    finally:
        answer.set()
        await fetched(source)


async def test_a_set_without_a_key_does_not_replace_the_keys(site, source, time):
    assert await source.key("one") is not None
    site.body = b'{"keys": []}'
    time.seconds = 601
    await source.key("one")
    await fetched(source)

    assert site.fetches == 2
    assert await source.key("one") is not None


async def test_while_auth_is_away_the_last_set_stays(site, source, time):
    assert await source.key("one") is not None
    site.status = 503
    time.seconds = 601

    assert await source.key("one") is not None
    await fetched(source)
    assert await source.key("one") is not None
    assert site.fetches == 2


async def test_while_there_was_never_a_set_nobody_can_tell_and_soon_is_tried_again(site, source, time):
    site.status = 503
    for _ in range(3):
        with pytest.raises(Unavailable):
            await source.key("one")
    assert site.fetches == 1

    site.status = 200
    time.seconds = 0.6

    assert await source.key("one") is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b'{"keys": [' + b" " * 300_000 + b"]}"])
async def test_what_is_no_key_set_is_as_if_auth_were_away(site, source, body):
    site.body = body

    with pytest.raises(Unavailable):
        await source.key("one")


async def test_an_answer_that_breaks_off_is_as_if_auth_were_away(source, monkeypatch):
    def broken(*_):
        raise IncompleteRead(b"")

    monkeypatch.setattr("fp_rpc.identity.jwks._fetch", broken)

    with pytest.raises(Unavailable):
        await source.key("one")


async def test_proxies_of_the_environment_are_not_asked(site, source, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert await source.key("one") is not None


@pytest.mark.parametrize("url", ["file:///etc/passwd", "auth:8080", ""])
def test_only_http_addresses_are_fetched(url):
    with pytest.raises(ValueError, match="is not an HTTP address"):
        HttpJwks(url)


def test_keys_that_cannot_verify_rs256_are_left_out(keys, make_keys):
    good = keys.jwks["keys"][0]
    weak = make_keys("weak", bits=1024).jwks["keys"][0]
    others = [
        {**good, "kid": "enc", "use": "enc"},
        {**good, "kid": "ps", "alg": "PS256"},
        {**good, "kid": 7},
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "x", "y": "y"},
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        weak,
    ]
    plain = {name: value for name, value in good.items() if name not in ("use", "alg")} | {"kid": "plain"}

    assert sorted(read_jwks({"keys": [good, plain, *others]})) == ["one", "plain"]
