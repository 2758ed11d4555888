"""What auth hands tokens and mails to, with nothing behind it."""

from dataclasses import dataclass, field
from datetime import datetime

from fp_auth.app.mail_ports import Mail
from fp_auth.domain.claims import Claims
from fp_kernel import Error, Unauthenticated
from fp_testkit.clock import ManualClock


@dataclass
class FakeSigner:
    """Tokens are numbers; what they say is remembered."""

    clock: ManualClock
    issued: dict[str, Claims] = field(default_factory=dict)

    def sign(self, claims: Claims) -> str:
        token = f"token-{len(self.issued)}"
        self.issued[token] = claims
        return token

    async def verify(self, token: str) -> Claims:
        claims = self.issued.get(token)
        if claims is None or (claims.expires_at and claims.expires_at <= self.clock.now()):
            raise Unauthenticated("worth nothing")
        return claims


@dataclass
class FakeMailer:
    """fails: what the next mails meet, one each."""

    sent: dict[str, Mail] = field(default_factory=dict)
    fails: list[Error] = field(default_factory=list)
    expires: dict[str, datetime] = field(default_factory=dict)

    async def send(self, mail: Mail, key: str, expires: datetime) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.sent[key] = mail
        self.expires[key] = expires

    @property
    def token(self) -> str:
        """Of the link in the newest mail."""
        links = [mail.parameters["link"] for mail in self.sent.values() if "link" in mail.parameters]
        return links[-1].partition("token=")[2]
