"""NotificationService over gRPC: messages in, use-case, messages out. Notifications belong to people of a team."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import grpc
from forgepoint.common.v1 import common_pb2
from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1.notification_pb2_grpc import NotificationServiceServicer
from fp_kernel import Command, PageRequest, PermissionDenied, Principal, invalid, page_request_by_id, parse_id
from fp_kernel.secret_references import is_reference
from fp_rpc import caller, command, expected_revision
from fp_rpc.headers import USER
from fp_rpc.pagination import page_response_after
from google.protobuf.message import Message

from fp_notification.api import convert
from fp_notification.app.create_rule import CreateRule
from fp_notification.app.delete_rule import DeleteRule
from fp_notification.app.mark_read import Marked, MarkRead, UpTo
from fp_notification.app.ports import Feed, Log
from fp_notification.app.queries import Queries
from fp_notification.app.try_channel import TryChannel
from fp_notification.app.update_preferences import UpdatePreferences
from fp_notification.app.update_rule import UpdateRule
from fp_notification.domain.patterns import check_pattern
from fp_notification.domain.recipients import Recipient

Context = grpc.aio.ServicerContext[Any, Any]

MANAGE = "notifications:write"
READ_SECRETS = "secrets:read"
_MOST_MARKED = 1_000


class NotificationServicer(NotificationServiceServicer):
    def __init__(
        self,
        *,
        update_preferences: UpdatePreferences,
        create_rule: CreateRule,
        update_rule: UpdateRule,
        delete_rule: DeleteRule,
        mark_read: MarkRead,
        try_channel: TryChannel,
        queries: Queries,
    ) -> None:
        self._update_preferences = update_preferences
        self._create_rule = create_rule
        self._update_rule = update_rule
        self._delete_rule = delete_rule
        self._mark_read = mark_read
        self._try_channel = try_channel
        self._queries = queries

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        caller = person()
        feed = Feed(
            team=caller.team,
            user_id=caller.user_id,
            unread_only=request.unread_only,
            min_severity=convert.severity_of(request.min_severity, "min_severity"),
            event_type=_event_type(request.event_type_filter),
        )
        filters = (str(feed.unread_only), feed.min_severity.name, feed.event_type)
        scope = (feed.team, "notifications", feed.user_id, *filters)
        found, after, unread = await self._queries.notifications(feed, _page(request.pagination, scope))
        return pb.ListNotificationsResponse(
            notifications=map(convert.notification_to_pb, found),
            pagination=page_response_after(after, scope),
            unread_count=unread,
        )

    async def GetNotification(self, request: pb.GetNotificationRequest, context: Context) -> pb.GetNotificationResponse:
        notification_id = parse_id(request.id, "id")
        found, attempts = await self._queries.notification(caller(), notification_id)
        return pb.GetNotificationResponse(
            notification=convert.notification_to_pb(found), delivery_attempts=map(convert.attempt_to_pb, attempts)
        )

    async def ListDeliveryAttempts(
        self, request: pb.ListDeliveryAttemptsRequest, context: Context
    ) -> pb.ListDeliveryAttemptsResponse:
        asking = caller()
        log = Log(
            team=asking.team,
            user_id=asking.user_id,
            channel=convert.channel_filter(request.channel),
            status=convert.status_filter(request.status),
            notification_id=parse_id(request.notification_id, "notification_id") if request.notification_id else "",
        )
        scope = (log.team, "attempts", log.user_id, log.channel or "", log.status or "", log.notification_id)
        attempts, after = await self._queries.attempts(log, _page(request.pagination, scope))
        return pb.ListDeliveryAttemptsResponse(
            attempts=map(convert.attempt_to_pb, attempts),
            notification_ids=[each.notification_id for each in attempts],
            pagination=page_response_after(after, scope),
        )

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.GetPreferencesResponse:
        return pb.GetPreferencesResponse(
            preferences=convert.preferences_to_pb(await self._queries.preferences(person()))
        )

    async def ListRules(self, request: pb.ListRulesRequest, context: Context) -> pb.ListRulesResponse:
        team = caller().team
        scope = (team, "rules")
        rules, after = await self._queries.rules(team, _page(request.pagination, scope))
        return pb.ListRulesResponse(rules=map(convert.rule_to_pb, rules), pagination=page_response_after(after, scope))

    async def GetWebhookSecret(
        self, request: pb.GetWebhookSecretRequest, context: Context
    ) -> pb.GetWebhookSecretResponse:
        rule_id = parse_id(request.rule_id, "rule_id") if request.rule_id else ""
        return pb.GetWebhookSecretResponse(secret=await self._queries.secret(owner(rule_id), rule_id))

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        caller, wanted = owner(), convert.wanted_channels(request)
        may_refer(caller, *(text for each in wanted for text in (each.target, *each.secrets.references)))
        key = personal(request, _updated, caller)
        return _updated(await self._update_preferences(caller, wanted, request.muted_event_patterns, key))

    async def CreateRule(self, request: pb.CreateRuleRequest, context: Context) -> pb.CreateRuleResponse:
        new = convert.new_rule(request)
        may_refer(caller(), new.target, *new.secrets.references)
        return _created(await self._create_rule(caller(), new, command(request, _created)))

    async def UpdateRule(self, request: pb.UpdateRuleRequest, context: Context) -> pb.UpdateRuleResponse:
        rule_id, wanted = parse_id(request.id, "id"), convert.new_rule(request)
        may_refer(caller(), wanted.target, *wanted.secrets.references)
        expected, asked = expected_revision(request), command(request, _changed)
        return _changed(await self._update_rule(caller(), rule_id, wanted, asked, expected=expected))

    async def DeleteRule(self, request: pb.DeleteRuleRequest, context: Context) -> pb.DeleteRuleResponse:
        rule_id = parse_id(request.id, "id")
        expected, asked = expected_revision(request), command(request, lambda _: pb.DeleteRuleResponse())
        await self._delete_rule(caller(), rule_id, asked, expected=expected)
        return pb.DeleteRuleResponse()

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.MarkReadResponse:
        caller, wanted = person(), _wanted(request)
        return _marked(await self._mark_read(caller, wanted, personal(request, _marked, caller)))

    async def TestChannel(self, request: pb.TestChannelRequest, context: Context) -> pb.TestChannelResponse:
        channel = convert.channel_of(request.channel, "channel")
        rule_id = parse_id(request.rule_id, "rule_id") if request.rule_id else ""
        caller = owner(rule_id)
        key = personal(request, convert.tested_to_pb, caller)
        return convert.tested_to_pb(await self._try_channel(caller, channel, rule_id, key))


def person() -> Principal:
    """Raises InvalidArgument for a service that does not say for which team and for whom it acts."""
    found = caller()
    if found.is_service and found.user_id == found.service:
        raise invalid(USER, "must name the user for whom the service acts")
    return found


def owner(rule_id: str = "") -> Principal:
    """Who may change where messages go, and read what signs them: of a rule its managers, else the person himself.

    A key for anything else could send its owner's messages to a webhook of its own, which outlived the key: an API
    key needs the permission of a manager, also for its owner's own channels. Raises PermissionDenied.
    """
    found = caller() if rule_id else person()
    if (rule_id or found.api_key_id) and not found.may(MANAGE):
        whose = "rules" if rule_id else "channels by an API key"
        raise PermissionDenied(f"{MANAGE} is required for {whose}", reason="PERMISSION_MISSING")
    return found


def may_refer(found: Principal, *texts: str) -> None:
    """Who may not see that a secret exists refers to none. Raises PermissionDenied."""
    if any(map(is_reference, texts)) and not found.may(READ_SECRETS):
        raise PermissionDenied(f"{READ_SECRETS} is required to refer to secrets", reason="PERMISSION_MISSING")


def personal(request: Message, response: Callable[[Any], Message], caller: Principal) -> Command:
    """A command about the caller himself: a colleague who sends the same key and body means another one."""
    found = command(request, response)
    return replace(found, key=f"{caller.user_id}/{found.key}") if found.key else found


def _wanted(request: pb.MarkReadRequest) -> set[str] | UpTo:
    if request.mark_all:
        return UpTo(parse_id(request.up_to_id, "up_to_id") if request.up_to_id else "")
    if request.up_to_id:
        raise invalid("up_to_id", "is for mark_all")
    if not 0 < len(request.ids) <= _MOST_MARKED:
        raise invalid("ids", f"must be 1 to {_MOST_MARKED}, unless mark_all is set")
    return {parse_id(each, f"ids[{index}]") for index, each in enumerate(request.ids)}


def _updated(person: Recipient) -> pb.UpdatePreferencesResponse:
    return pb.UpdatePreferencesResponse(preferences=convert.preferences_to_pb(person))


def _created(rule: Recipient) -> pb.CreateRuleResponse:
    return pb.CreateRuleResponse(rule=convert.rule_to_pb(rule))


def _changed(rule: Recipient) -> pb.UpdateRuleResponse:
    return pb.UpdateRuleResponse(rule=convert.rule_to_pb(rule))


def _marked(marked: Marked) -> pb.MarkReadResponse:
    return pb.MarkReadResponse(marked_count=marked.marked, unread_count=marked.unread)


def _event_type(pattern: str) -> str:
    return check_pattern(pattern, "event_type_filter") if pattern else ""


def _page(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    return page_request_by_id(pagination.page_size, pagination.page_token, scope=scope)
