"""Send one notification by its channel, once."""

import json
from collections.abc import Mapping, Sequence

from fp_kernel import Clock, Error, InvalidArgument, Kind
from fp_kernel.secret_references import is_reference

from fp_notification.app.mail_ports import Letters, MailSender
from fp_notification.app.ports import Lease, SecretValues, Sender
from fp_notification.domain.delivery import Answer
from fp_notification.domain.notifications import Notification
from fp_notification.domain.recipients import Channel, ChannelSetting
from fp_notification.domain.signing import Secrets, signature
from fp_notification.domain.targets import parse_target
from fp_notification.domain.webhook_secrets import NotUsable, header_value, signing_key

# Of the secret, or of who refers to it: another attempt finds it as it is.
_FINAL = frozenset((Kind.NOT_FOUND, Kind.FAILED_PRECONDITION, Kind.INVALID_ARGUMENT, Kind.PERMISSION_DENIED))


class Dispatch:
    """mail: None where the platform has no mail server. values: of secrets that channels refer to."""

    def __init__(
        self,
        sender: Sender,
        secrets: Secrets,
        clock: Clock,
        *,
        values: SecretValues,
        letters: Letters,
        mail: MailSender | None,
    ) -> None:
        self._sender = sender
        self._secrets = secrets
        self._clock = clock
        self._values = values
        self._letters = letters
        self._mail = mail

    async def __call__(self, lease: Lease, setting: ChannelSetting) -> Answer:
        """Every failure is in the answer, none is raised; its text names neither an address nor what a secret holds."""
        notification = lease.notification
        if setting.channel is Channel.EMAIL:
            if self._mail is None:
                return Answer(error="the platform has no mail server", final=True)
            return await self._mail.send(setting.target, self._letters.notification(notification))
        # One question for all of them: what a message is made with is of one moment.
        wanted = [each for each in (setting.target, *setting.secrets.references) if is_reference(each)]
        try:
            values = await self._resolve(notification, wanted)
            target = _target(setting.target, values)
            if setting.channel is Channel.SLACK:
                return await self._sender.send(target, {}, _slack(notification))
            body = _webhook(notification)
            headers = self._headers(setting, notification.id, body, values)
        except NotUsable as problem:
            return Answer(error=str(problem), final=True)
        except Error as error:
            return Answer(error=error.message, final=error.kind in _FINAL)
        return await self._sender.send(target, headers, body)

    async def _resolve(self, notification: Notification, references: Sequence[str]) -> Mapping[str, bytes]:
        if not references:
            return {}
        return await self._values.resolve(notification.team, "", references, purpose=notification.id)

    def _headers(
        self, setting: ChannelSetting, message_id: str, body: bytes, values: Mapping[str, bytes]
    ) -> dict[str, str]:
        """Raises NotUsable."""
        now, secrets = self._clock.now(), setting.secrets
        own = {name: header_value(values[reference], reference) for name, reference in secrets.headers}
        if not secrets.signing:
            return own | self._secrets.headers(setting.secret_id, message_id, now, body)
        return own | signature(signing_key(values[secrets.signing], secrets.signing), message_id, now, body)


def _target(target: str, values: Mapping[str, bytes]) -> str:
    """The URL. Raises NotUsable for a reference that holds none."""
    if not is_reference(target):
        return target
    try:
        url = values[target].decode().strip()
        parse_target(url, "target")
    except (InvalidArgument, UnicodeDecodeError):
        raise NotUsable(f"{target} holds no URL") from None
    return url


def _webhook(notification: Notification) -> bytes:
    """As Standard Webhooks recommends; the same bytes at every attempt."""
    data = {
        "notification_id": notification.id,
        "event_id": notification.event_id,
        "title": notification.title,
        "body": notification.body,
        "severity": notification.severity.name,
        "team": notification.team,
        "source": notification.source,
        "resource_id": notification.resource_id,
        "correlation_id": notification.correlation_id,
        "events": notification.events,
    }
    whole = {"type": notification.event_type, "timestamp": notification.created_at.isoformat(), "data": data}
    return _json(whole)


def _slack(notification: Notification) -> bytes:
    """Plain text: what people chose as names must neither mention a channel nor become a link."""
    line = f"[{notification.severity.name}] {notification.title}"
    text = f"{line}\n{notification.body}\nteam {notification.team}, {notification.event_type}"
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _json({"text": escaped, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False})


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
