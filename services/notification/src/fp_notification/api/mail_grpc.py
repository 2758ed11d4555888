"""MailService over gRPC, for auth."""

from typing import Any, Final

import grpc
from forgepoint.notification.v1 import mail_pb2 as pb
from forgepoint.notification.v1.mail_pb2_grpc import MailServiceServicer
from fp_kernel import invalid
from fp_rpc import command
from fp_rpc.times import from_timestamp

from fp_notification.app.send_mail import SendMail
from fp_notification.domain.mails import MailTemplate

_PREFIX: Final = "MAIL_TEMPLATE_"
_TEMPLATES: Final = {pb.MailTemplate.Value(f"{_PREFIX}{each}"): each for each in MailTemplate}


class MailServicer(MailServiceServicer):
    def __init__(self, *, send_mail: SendMail) -> None:
        self._send_mail = send_mail

    async def SendMail(
        self, request: pb.SendMailRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.SendMailResponse:
        template = _TEMPLATES.get(request.template)
        if template is None:
            raise invalid("template", f"must be one of {', '.join(MailTemplate)}")
        key = command(request, _sent)
        expires_at = from_timestamp(request.expires_at, "expires_at") if request.HasField("expires_at") else None
        return _sent(await self._send_mail(request.to, template, request.parameters, key, expires_at=expires_at))


def _sent(mail_id: str) -> pb.SendMailResponse:
    return pb.SendMailResponse(mail_id=mail_id)
