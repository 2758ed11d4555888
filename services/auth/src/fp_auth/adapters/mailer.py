"""Mails, handed to notification with a token that auth signs for itself."""

from datetime import datetime
from typing import Any

import grpc
from forgepoint.notification.v1 import mail_pb2, mail_pb2_grpc
from fp_kernel import Clock, FailedPrecondition, new_id
from fp_rpc.times import to_timestamp

from fp_auth.adapters.keyring import Keyring
from fp_auth.app.mail_ports import Mail
from fp_auth.domain import claims

_NOUN = "auth"


class OwnCredential:
    """auth has no credential to exchange: it would ask itself."""

    acts_for_others = True

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    def ready(self) -> str | None:
        return None

    async def token(self) -> str:
        """Good for one call: signing costs a millisecond, and mails are few."""
        now, token_id = self._clock.now(), new_id()
        said = claims.of_service(
            _NOUN, frozenset(), audience=claims.AUDIENCE, now=now, life=claims.OWN_LIFE, token_id=token_id
        )
        return self._keyring.sign(said)

    def refused(self, token: str) -> bool:  # noqa: ARG002 -- the protocol's name
        return False


class NoMailer:
    """Without an address of notification in the settings."""

    async def send(self, mail: Mail, key: str, expires: datetime) -> None:  # noqa: ARG002 -- the protocol's names
        raise FailedPrecondition("the platform has no mail server", reason="MAIL_NOT_CONFIGURED")


class NotificationMailer:
    """`app.mail_ports.Mailer`. notification: a channel with auth's own identity."""

    def __init__(self, notification: grpc.aio.Channel) -> None:
        self._stub: Any = mail_pb2_grpc.MailServiceStub(notification)

    async def send(self, mail: Mail, key: str, expires: datetime) -> None:
        await self._stub.SendMail(
            mail_pb2.SendMailRequest(
                to=mail.to,
                template=mail_pb2.MailTemplate.Value(mail.template.value),
                parameters=dict(mail.parameters),
                idempotency_key=key,
                expires_at=to_timestamp(expires),
            )
        )
