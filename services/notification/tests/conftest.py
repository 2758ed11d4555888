"""What unit, integration and component tests share."""

import asyncio
import email
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.policy import default as modern

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fp_kernel import new_id
from fp_notification.domain.matching import Facts
from fp_notification.domain.severity import Severity
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Someone's webhook. answers: status lines to give in turn, the last one for ever; None hangs up."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=lambda: ["204 No Content"])
    headers: str = ""
    heard: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            raw = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(head[0], {name.lower(): value for name, value in raw.items()}, body))
            self.heard()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is not None:
                writer.write(f"HTTP/1.1 {answer}\r\n{self.headers}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def received(self, count: int) -> list[Request]:
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                await asyncio.sleep(0.01)
        return self.requests


@pytest.fixture
async def receiver():
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


def _facts(event_type="fp.models.drift.detected", severity=Severity.WARNING, **more):
    given = {
        "event_id": new_id(),
        "type": event_type,
        "team": "alpha",
        "severity": severity,
        "source": "monitor",
        "resource_id": "m1",
        "summary": "Model delays drifts.",
        "actor": "",
        "time": NOON,
    }
    return Facts(**(given | more))


@pytest.fixture(scope="session")
def facts():
    return _facts


@dataclass
class Post:
    """A real mail server (aiosmtpd). answers: to DATA in turn, the last one for ever; None drops the connection and
    "hang" never answers. rcpt: the answer to RCPT; empty is its own.
    """

    port: int = 0
    letters: list = field(default_factory=list)
    answers: list[str | None] = field(default_factory=lambda: ["250 OK"])
    rcpt: str = ""
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.connections += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "hang":
            await asyncio.Event().wait()
        if answer is None:
            server.transport.abort()
            return "250 nobody hears it"
        if answer.startswith("250"):
            self.encrypted.append(session.ssl is not None)
            self.letters.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=modern)))
        return answer

    def login(self, server, session, envelope, mechanism, auth_data):
        self.logins.append((auth_data.login, auth_data.password))
        return AuthResult(success=auth_data.password == b"right", handled=False)

    async def received(self, count: int) -> list:
        async with asyncio.timeout(PATIENCE):
            while len(self.letters) < count:
                await asyncio.sleep(0.01)
        return self.letters


@pytest.fixture
async def mail_server(certificate):
    """`await mail_server(...)` starts one with STARTTLS on a certificate of localhost; options are aiosmtpd's."""
    servers = []

    async def start(port=0, **options):
        post, loop = Post(), asyncio.get_running_loop()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        given = {"tls_context": context, "require_starttls": True, "enable_SMTPUTF8": True, "loop": loop} | options
        tls = given.pop("implicit", None) and given.pop("tls_context")
        if tls:
            given["require_starttls"] = False
        factory = lambda: SMTP(post, hostname="mail.test", authenticator=post.login, **given)  # noqa: E731
        server = await loop.create_server(factory, "127.0.0.1", port, ssl=tls or None)
        post.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return post

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Of hooks.test and localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    now = real_now()
    names = [x509.DNSName("hooks.test"), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file
