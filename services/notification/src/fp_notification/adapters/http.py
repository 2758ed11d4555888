"""Webhooks over HTTP/1.1: to an address that was checked, without redirects, proxies or reused connections.

A client library would resolve the name again between the check and the connection, and follow where it is sent.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

import h11
from fp_kernel import invalid

from fp_notification.domain.delivery import Answer
from fp_notification.domain.targets import AddressPolicy, Forbidden, Target, parse_target

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_CHUNK = 16 * 1024
_CHECK_TIMEOUT = 3.0
_MOST_ADDRESSES = 3
_AGENT = "forgepoint-webhooks/1"


class HttpSender:
    """`app.ports.Sender`. resolve: the addresses of a name; raises OSError or UnicodeError for one that has none.

    timeout: seconds for one message, from the name to the answer's head.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        timeout: float,
        resolve: Resolve,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._policy = policy
        self._timeout = timeout
        self._resolve = resolve
        # Trusted authorities take memory: only whoever sends needs them.
        self._tls = functools.cache(tls)

    async def check(self, target: str, field: str) -> None:
        parsed = parse_target(target, field)
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                await self._addresses(parsed)
        except (OSError, UnicodeError):
            raise invalid(field, "must name a host that can be found") from None
        except Forbidden:
            raise invalid(field, "must be an https URL of a public address") from None

    async def send(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(parse_target(target, "target"), headers, body)
        except Forbidden as error:
            return Answer(error=str(error), final=True)
        except TimeoutError:
            return Answer(error=f"no answer within {self._timeout:g} seconds")
        except ssl.SSLError:
            return Answer(error="no trusted TLS connection could be made")
        except h11.RemoteProtocolError:
            return Answer(error="the answer was no HTTP")
        except (OSError, UnicodeError):
            return Answer(error="no connection could be made")

    async def _addresses(self, target: Target) -> Sequence[str]:
        return self._policy.choose(target, await self._resolve(target.host, target.port))

    async def _connect(self, target: Target, addresses: Sequence[str]) -> Streams:
        """To the first address that answers, each in its share of the time: a name often has one that is not routed."""
        tls = self._tls() if target.scheme == "https" else None
        name = target.host if tls else None
        *others, last = addresses[:_MOST_ADDRESSES]
        for address in others:
            try:
                async with asyncio.timeout(self._timeout / _MOST_ADDRESSES):
                    return await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
            except ssl.SSLError:
                raise
            except OSError:
                continue
        return await asyncio.open_connection(last, target.port, ssl=tls, server_hostname=name)

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        reader, writer = await self._connect(target, await self._addresses(target))
        try:
            connection = h11.Connection(h11.CLIENT)
            writer.write(_request(connection, target, headers, body))
            await writer.drain()
            response = await _response(connection, reader)
        finally:
            writer.close()
            # What the receiver has to say after its head is of no interest.
            with contextlib.suppress(OSError):
                writer.transport.abort()
        return Answer(code=response.status_code, retry_after=_retry_after(response))


def _request(connection: h11.Connection, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    fixed = {
        "host": target.authority,
        "user-agent": _AGENT,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    request = h11.Request(method="POST", target=target.path, headers=list({**fixed, **headers}.items()))
    parts = (connection.send(each) for each in (request, h11.Data(data=body), h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


async def _response(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Response:
    """The head of the final answer; h11 bounds its size."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("closed before an answer")


def _retry_after(response: h11.Response) -> float | None:
    """Seconds; dates are not looked at."""
    found = next((value for name, value in response.headers if name == b"retry-after"), b"")
    return float(found) if found.isdigit() else None
