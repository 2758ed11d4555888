"""Notification rules."""

import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1 import notification_pb2_grpc
from fp_kernel import FailedPrecondition, NotFound

from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import Kind, Present, Spec

MASKED = "/..."


class NotificationRule(Kind):
    """The platform shows of a URL its scheme and host alone: its path is often a secret.

    A target `secret://name` is shown whole; it is what belongs into a file.
    """

    name = "NotificationRule"
    message = pb.CreateRuleRequest
    kept = ("min_severity",)

    def find(self, client: Client, name: str) -> Present | None:
        found = _named(client, name)
        return None if found is None else Present(self._of(found), found.revision, found.id)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        for rule in _listed(client):
            yield rule.name, self._of(rule)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        if str(spec.get("target", "")).endswith(MASKED):
            raise FailedPrecondition("its target is masked: write the whole one, or secret://NAME")
        request = self.request(name, spec)
        request.idempotency_key = idempotency_key("")
        client.call(_stub(client).CreateRule, request)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        """A target that stays as it is shown keeps the secret by which its receiver verifies."""
        wanted = self.request(name, spec)
        request = pb.UpdateRuleRequest(
            id=present.id,
            patterns=wanted.patterns,
            min_severity=wanted.min_severity,
            channels=wanted.channels,
            target=wanted.target,
            signing_secret=wanted.signing_secret,
            headers=wanted.headers,
            idempotency_key=idempotency_key(""),
            expected_revision=present.revision,
        )
        client.call(_stub(client).UpdateRule, request)

    def delete(self, client: Client, name: str, present: Present) -> None:  # noqa: ARG002 -- it goes by its id
        request = pb.DeleteRuleRequest(
            id=present.id, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(_stub(client).DeleteRule, request)

    def equal(self, before: Spec, wanted: Spec) -> bool:
        return _comparable(before) == _comparable(wanted)

    def _of(self, rule: pb.NotificationRule) -> Spec:
        return self.of(
            pb.CreateRuleRequest(
                patterns=rule.patterns,
                min_severity=rule.min_severity,
                channels=rule.channels,
                target=rule.target,
                signing_secret=rule.signing_secret,
                headers=rule.headers,
            )
        )


def _comparable(spec: Spec) -> dict[str, Any]:
    """With the target as the platform shows it; channels and patterns are sets."""
    target = str(spec.get("target", ""))
    if target.startswith(("http://", "https://")) and not target.endswith(MASKED):
        parts = urlsplit(target)
        target = f"{parts.scheme}://{parts.netloc}{MASKED}"
    sets = {name: sorted(set(spec.get(name, ()))) for name in ("channels", "patterns")}
    return {**spec, **sets, "target": target}


def _named(client: Client, name: str) -> pb.NotificationRule | None:
    wanted = unicodedata.normalize("NFC", name.strip())
    return next((rule for rule in _listed(client) if rule.name == wanted), None)


def _existing(client: Client, name: str) -> pb.NotificationRule:
    found = _named(client, name)
    if found is None:
        raise NotFound(f"there is no rule {name}")
    return found


def _listed(client: Client) -> Iterator[pb.NotificationRule]:
    yield from client.pages(_stub(client).ListRules, pb.ListRulesRequest(), "rules", EVERYTHING)


def _stub(client: Client) -> Any:
    return notification_pb2_grpc.NotificationServiceStub(client.channel)
