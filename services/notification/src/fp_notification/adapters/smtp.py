"""Mails over SMTP: one connection a mail, encrypted unless the server is on this machine."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as ASCII
from email.policy import SMTPUTF8 as UTF8
from typing import Final, Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from fp_notification.app.mail_ports import Letter
from fp_notification.domain.delivery import Answer

Tls = Literal["starttls", "implicit", "off"]

_OK: Final = 250
_REFUSED: Final = 500
_GOODBYE: Final = 1.0


@dataclass(frozen=True, slots=True)
class MailServer:
    """sender: the From header, with or without a name. user: empty for a server that asks for no login."""

    host: str
    port: int
    sender: Address
    tls: Tls = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)


class SmtpSender:
    """`app.mail_ports.MailSender`. timeout: seconds for one mail, from the name of the server to its last answer.

    What a server says is not repeated: its words contain the address.
    """

    def __init__(
        self,
        server: MailServer,
        *,
        timeout: float,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._tls = functools.cache(tls)

    async def send(self, to: str, letter: Letter) -> Answer:
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout):
                refused = await self._greet(client)
                return refused or await self._hand_over(client, to, letter)
        except TimeoutError:
            return Answer(error=f"no answer within {self._timeout:g} seconds")
        except ssl.SSLError:
            return Answer(error="no trusted TLS connection could be made")
        except (SMTPException, OSError):
            return Answer(error="the connection to the mail server failed")
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            # Else the library asks for this machine's name, which blocks the loop.
            local_hostname=server.sender.domain,
            timeout=self._timeout,
            use_tls=server.tls == "implicit",
            start_tls=False,
            tls_context=self._tls() if server.tls != "off" else None,
        )

    async def _greet(self, client: aiosmtplib.SMTP) -> Answer | None:
        """Connect, encrypt, log in. What is refused here is no fault of the mail, and is tried again."""
        try:
            await client.connect()
            if self._server.tls == "starttls":
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    return Answer(error="the mail server offers no STARTTLS")
                await client.starttls(server_hostname=self._server.host)
            if self._server.user:
                await client.login(self._server.user, self._server.password)
        except SMTPResponseException as refusal:
            return Answer(error=f"the mail server refused the connection or the login ({refusal.code})")
        return None

    async def _hand_over(self, client: aiosmtplib.SMTP, to: str, letter: Letter) -> Answer:
        message = compose(self._server.sender, to, letter)
        wide = not to.isascii()
        await client.ehlo()
        if wide and not client.supports_extension("smtputf8"):
            return Answer(code=_REFUSED, error="the mail server takes no such address", final=True)
        try:
            options, encoding = (["SMTPUTF8"], "utf-8") if wide else (None, "ascii")
            await client.mail(self._server.sender.addr_spec, options=options, encoding=encoding)
            await client.rcpt(to, encoding=encoding)
            await client.data(message.as_bytes())
        except SMTPResponseException as refusal:
            error = f"the mail server answered {refusal.code}"
            return Answer(code=refusal.code, error=error, final=refusal.code >= _REFUSED)
        # The mail is taken: what comes of the goodbye changes nothing, and sending it again would double it.
        with contextlib.suppress(SMTPException, OSError):
            async with asyncio.timeout(_GOODBYE):
                await client.quit()
        return Answer(code=_OK)


def compose(sender: Address, to: str, letter: Letter) -> EmailMessage:
    """The policy refuses a line break in a header, so that no value can add one. Raises ValueError for such a value."""
    message = EmailMessage(policy=ASCII if to.isascii() else UTF8)
    local, _, domain = to.rpartition("@")
    message["From"] = sender
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = letter.subject
    message["Date"] = letter.at
    message["Message-ID"] = f"<{letter.message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message
