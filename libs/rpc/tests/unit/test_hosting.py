from fp_rpc.hosting import peers
from fp_telemetry import Metrics


class Runtime:
    """Keeps what is to be closed."""

    noun = "registry"

    def __init__(self):
        self.metrics = Metrics("registry")
        self.closing = []

    def on_close(self, callback):
        self.closing.append(callback)


class Secret:
    def get_secret_value(self):
        return "s" * 16


class Settings:
    auth_addr, auth_issuer, service_secret = "127.0.0.1:1", "http://127.0.0.1:1", Secret()


async def test_channels_are_closed_before_the_credential_that_their_last_calls_need():
    runtime = Runtime()
    opened = peers(runtime, Settings())
    # Called in the reverse order.
    assert runtime.closing == [opened.credential.close, opened.identity.withdrawals.close, opened.channels.close]
    for close in reversed(runtime.closing):
        await close()
