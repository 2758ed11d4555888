"""Mails as people read them, from the files in `mails/`: `<template>.txt` with the subject first, and `.html`.

Names after a dollar sign are parameters. In HTML every value is escaped; `frame.html` is around every one.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from string import Template

from fp_notification.app.mail_ports import Letter
from fp_notification.domain.mails import Mail, MailTemplate
from fp_notification.domain.notifications import Notification


@dataclass(frozen=True, slots=True)
class _Texts:
    subject: Template
    text: Template
    html: Template

    def write(self, values: Mapping[str, str]) -> tuple[str, str, str]:
        safe = {name: html.escape(value) for name, value in values.items()}
        return self.subject.substitute(values), self.text.substitute(values), self.html.substitute(safe)


class Letters:
    """`app.mail_ports.Letters` on the files of the package."""

    def __init__(self) -> None:
        self._frame = Template(_read("frame.html"))
        self._account = {each: _load(each.lower()) for each in MailTemplate}
        self._notification = _load("notification")

    def notification(self, notification: Notification) -> Letter:
        values = {
            "title": notification.title,
            "body": notification.body,
            "team": notification.team,
            "severity": notification.severity.name,
            "event_type": notification.event_type,
            "created_at": f"{notification.created_at:%Y-%m-%d %H:%M} UTC",
        }
        return self._framed(notification.id, notification.created_at, self._notification, values)

    def account(self, mail: Mail) -> Letter:
        return self._framed(mail.id, mail.created_at, self._account[mail.template], mail.parameters)

    def _framed(self, message_id: str, at: datetime, texts: _Texts, values: Mapping[str, str]) -> Letter:
        subject, text, body = texts.write(values)
        framed = self._frame.substitute(title=html.escape(subject), body=body)
        return Letter(message_id, at, subject, text, framed)


def _load(name: str) -> _Texts:
    subject, _, text = _read(f"{name}.txt").partition("\n\n")
    return _Texts(Template(subject.strip()), Template(text), Template(_read(f"{name}.html")))


def _read(name: str) -> str:
    return (resources.files("fp_notification") / "mails" / name).read_text()
