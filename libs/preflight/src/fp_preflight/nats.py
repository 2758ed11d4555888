"""The event bus, asked with a login of its own."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fp_events.secure_client import SecureClient
from fp_kernel.trust import distrust
from nats import errors
from nats.aio.client import Client

from fp_preflight.reasons import reason

OLDEST: Final = (2, 10)
PAYLOAD: Final = 8 * 1024 * 1024
"""Bytes of a message: those of a batch of predictions."""
_SECONDS: Final = 5
_NOT_FOUND: Final = 404
# Any stream will do: with JetStream there is an answer, were it that there is no such stream.
_QUESTION: Final = "$JS.API.STREAM.INFO.AUDIT"


async def ask(url: str, ca_file: Path | None, *, noun: str, jetstream: bool) -> list[str]:
    """Faults. noun: of the login, which may listen to its own answers alone. jetstream: ask for that, too; not every
    login may.
    """
    servers = url.split(",")
    places = ", ".join(f"{urlsplit(each).hostname}:{urlsplit(each).port or 4222}" for each in servers)
    seen: list[Exception] = []

    async def failed(error: Exception) -> None:
        seen.append(error)

    secure = ca_file is not None or url.startswith("tls://")
    client = SecureClient(ca_file) if secure else Client()
    try:
        await client.connect(
            servers,
            name="preflight",
            inbox_prefix=f"_INBOX_{noun}",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=_SECONDS,
            error_cb=failed,
        )
        return [f"nats at {places}: {fault}" async for fault in _faults(client, jetstream=jetstream)]
    except (errors.Error, OSError) as error:
        first = seen[0] if seen else error
        return [f"nats at {places}: {reason(distrust('the event bus', first) or first)}"]
    finally:
        if not client.is_closed:
            await client.close()


async def _faults(client: Client, *, jetstream: bool) -> AsyncIterator[str]:
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST:
        yield f"it is version {version}, and the platform needs {OLDEST[0]}.{OLDEST[1]} or newer"
    if client.max_payload < PAYLOAD:
        yield f"its max_payload is {client.max_payload} bytes, and events have up to {PAYLOAD}"
    if jetstream:
        try:
            answer = json.loads((await client.request(_QUESTION, timeout=_SECONDS)).data)
        except errors.NoRespondersError:
            yield "JetStream is off: start the server with it (jetstream {} in its configuration)"
        except errors.TimeoutError:
            yield "JetStream does not answer: its servers may have no leader, or the login may not ask for streams"
        else:
            said = answer.get("error", {})
            if said and said.get("code") != _NOT_FOUND:
                yield f"JetStream refuses: {said.get('description', said)}"
