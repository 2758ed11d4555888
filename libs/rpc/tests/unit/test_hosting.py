import pytest
from fp_kernel import Unavailable
from fp_rpc.hosting import Once, peers
from fp_telemetry import Metrics


class Runtime:
    """Keeps what is to be closed."""

    noun = "registry"
    certificates = None

    def __init__(self):
        self.metrics = Metrics("registry")
        self.health = self
        self.pings = {}
        self.closing = []

    def add(self, name, ping, *, hard):
        self.pings[name] = ping, hard

    def on_close(self, callback):
        self.closing.append(callback)


class Secret:
    def get_secret_value(self):
        return "s" * 16


class Settings:
    auth_addr, auth_issuer, service_secret, edge_proof = "127.0.0.1:1", "http://127.0.0.1:1", Secret(), None


async def test_channels_are_closed_before_the_credential_that_their_last_calls_need():
    runtime = Runtime()
    opened = peers(runtime, Settings())
    # Called in the reverse order.
    assert runtime.closing[0] == opened.credential.close
    assert runtime.closing[-1] == opened.channels.close
    for close in reversed(runtime.closing):
        await close()


async def test_a_service_is_not_ready_before_auth_has_answered_it():
    runtime = Runtime()
    peers(runtime, Settings())
    ping, hard = runtime.pings["identity"]

    assert hard
    with pytest.raises(Unavailable):
        await ping()

    for close in reversed(runtime.closing):
        await close()


async def test_what_was_loaded_once_is_good_while_its_source_is_away():
    failures, calls = [Unavailable("auth is away"), None, Unavailable("auth is away")], []

    async def load():
        calls.append(failure := failures[len(calls)])
        if failure is not None:
            raise failure

    ping = Once(load)
    with pytest.raises(Unavailable):
        await ping()
    await ping()
    await ping()

    assert len(calls) == 2
