"""Messages over real sockets."""

import asyncio
import ssl
from ipaddress import ip_network

import pytest
from fp_kernel import InvalidArgument
from fp_notification.adapters.http import HttpSender
from fp_notification.adapters.names import Names
from fp_notification.domain.targets import AddressPolicy
from fp_testkit.patience import PATIENCE

DEV = AddressPolicy((ip_network("127.0.0.0/8"),))
HEADERS = {"webhook-id": "m1"}


def names(**known):
    async def resolve(host, port):
        if host not in known:
            raise OSError
        return known[host]

    return resolve


def sender(policy=DEV, timeout=PATIENCE, **options):
    return HttpSender(policy, timeout=timeout, **({"resolve": Names(timeout)} | options))


async def test_a_message_arrives_whole(receiver):
    answer = await sender().send(receiver.url, HEADERS, b'{"a":1}')
    (request,) = receiver.requests
    assert (answer.code, answer.error) == (204, "")
    assert request.line == "POST /hook?a=1 HTTP/1.1"
    assert request.body == b'{"a":1}'
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (request.headers["webhook-id"], request.headers["content-type"]) == ("m1", "application/json")


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver):
    receiver.answers = ["302 Found"]
    receiver.headers = f"location: {receiver.url}\r\n"
    assert (await sender().send(receiver.url, HEADERS, b"{}")).code == 302
    assert len(receiver.requests) == 1


async def test_what_the_receiver_asks_for_is_heard(receiver):
    receiver.answers, receiver.headers = ["429 Slow"], "Retry-After: 17\r\n"
    assert (await sender().send(receiver.url, HEADERS, b"{}")).retry_after == 17.0


async def test_an_address_inside_is_never_connected_to(receiver):
    answer = await sender(AddressPolicy()).send(receiver.url, HEADERS, b"{}")
    assert (answer.final, answer.code) == (True, 0)
    assert receiver.requests == []


async def test_a_name_that_leads_inside_is_never_connected_to(receiver):
    strict = sender(AddressPolicy(), resolve=names(**{"hooks.test": ["127.0.0.1"]}))
    answer = await strict.send(f"https://hooks.test:{receiver.port}/", HEADERS, b"{}")
    assert answer.final
    assert receiver.requests == []


async def test_the_name_is_asked_for_once_and_its_address_is_the_one_that_is_called(receiver):
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    answer = await sender(resolve=rebinding).send(f"http://hooks.test:{receiver.port}/", HEADERS, b"{}")
    assert (answer.code, asked) == (204, ["hooks.test"])
    assert receiver.requests[0].headers["host"] == f"hooks.test:{receiver.port}"


async def test_the_next_address_is_called_when_one_does_not_answer(receiver):
    known = names(**{"hooks.test": ["127.0.0.2", "127.0.0.1"]})
    answer = await sender(resolve=known).send(f"http://hooks.test:{receiver.port}/", HEADERS, b"{}")
    assert (answer.code, len(receiver.requests)) == (204, 1)


async def test_a_certificate_that_is_refused_is_not_asked_for_elsewhere(receiver, certificate):
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    known = names(**{"hooks.test": ["127.0.0.1", "127.0.0.2"]})
    answer = await sender(resolve=known).send(f"https://hooks.test:{port}/", HEADERS, b"{}")
    assert answer.error == "no trusted TLS connection could be made"
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("written", ["127.1", "2130706433", "0x7f000001", "localhost"])
async def test_loopback_written_otherwise_is_loopback(written):
    with pytest.raises(InvalidArgument) as caught:
        await sender(AddressPolicy()).check(f"https://{written}/", "target")
    assert caught.value.fields[0].field == "target"


async def test_a_name_that_is_not_known_is_refused_at_first_and_tried_again_later():
    away = sender(resolve=names())
    with pytest.raises(InvalidArgument):
        await away.check("https://hooks.test/", "target")
    answer = await away.send("https://hooks.test/", HEADERS, b"{}")
    assert (answer.error, answer.final) == ("no connection could be made", False)


@pytest.mark.parametrize("label", ["x" * 80, "a." * 130])
async def test_a_name_that_cannot_be_one_is_refused(label):
    with pytest.raises(InvalidArgument):
        await sender().check(f"https://{label}/", "target")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(None, "the answer was no HTTP"), ("two hundred", "the answer was no HTTP")],
)
async def test_what_is_no_answer_is_an_error(receiver, answer, error):
    receiver.answers = [answer]
    assert (await sender().send(receiver.url, HEADERS, b"{}")).error == error


async def test_nobody_there_and_silence_are_errors(receiver):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = await sender(timeout=0.05).send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert answer.error == "no answer within 0.05 seconds"
    server.close()
    await server.wait_closed()
    assert (await sender().send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")).error == "no connection could be made"


@pytest.mark.real_time  # TLS judges certificates by the machine's clock
@pytest.mark.parametrize(("host", "code", "error"), [
    ("hooks.test", 204, ""),
    ("other.test", 0, "no trusted TLS connection could be made"),
])  # fmt: skip
async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    receiver, certificate, host, code, error
):
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    secure = sender(
        resolve=names(**{host: ["127.0.0.1"]}), tls=lambda: ssl.create_default_context(cafile=str(certificate))
    )
    async with server:
        answer = await secure.send(f"https://{host}:{port}/", HEADERS, b"{}")
    assert (answer.code, answer.error) == (code, error)
