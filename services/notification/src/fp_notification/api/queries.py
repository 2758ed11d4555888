"""The RPCs that read."""

from collections.abc import Sequence
from typing import Any

import grpc
from forgepoint.common.v1 import common_pb2
from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1.notification_pb2_grpc import NotificationServiceServicer
from fp_kernel import PageRequest, page_request_by_id, parse_id
from fp_kernel.pages import next_token

from fp_notification.api import convert
from fp_notification.api.caller import member, person, person_or_manager
from fp_notification.app.ports import Feed, Log
from fp_notification.app.queries import Queries
from fp_notification.domain.patterns import check_pattern

Context = grpc.aio.ServicerContext[Any, Any]


class QueryServicer(NotificationServiceServicer):
    def __init__(self, queries: Queries) -> None:
        self._read = queries

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
        found, after, unread = await self._read.notifications(feed, _page(request.pagination, scope))
        return pb.ListNotificationsResponse(
            notifications=map(convert.notification_to_pb, found), pagination=_paged(after, scope), unread_count=unread
        )

    async def GetNotification(self, request: pb.GetNotificationRequest, context: Context) -> pb.GetNotificationResponse:
        notification_id = parse_id(request.id, "id")
        found, attempts = await self._read.notification(member(), notification_id)
        return pb.GetNotificationResponse(
            notification=convert.notification_to_pb(found), delivery_attempts=map(convert.attempt_to_pb, attempts)
        )

    async def ListDeliveryAttempts(
        self, request: pb.ListDeliveryAttemptsRequest, context: Context
    ) -> pb.ListDeliveryAttemptsResponse:
        caller = member()
        log = Log(
            team=caller.team,
            user_id=caller.user_id,
            channel=convert.channel_filter(request.channel),
            status=convert.status_filter(request.status),
            notification_id=parse_id(request.notification_id, "notification_id") if request.notification_id else "",
        )
        scope = (log.team, "attempts", log.user_id, log.channel or "", log.status or "", log.notification_id)
        attempts, after = await self._read.attempts(log, _page(request.pagination, scope))
        return pb.ListDeliveryAttemptsResponse(
            attempts=map(convert.attempt_to_pb, attempts),
            notification_ids=[each.notification_id for each in attempts],
            pagination=_paged(after, scope),
        )

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.GetPreferencesResponse:
        return pb.GetPreferencesResponse(preferences=convert.preferences_to_pb(await self._read.preferences(person())))

    async def ListRules(self, request: pb.ListRulesRequest, context: Context) -> pb.ListRulesResponse:
        team = member().team
        scope = (team, "rules")
        rules, after = await self._read.rules(team, _page(request.pagination, scope))
        return pb.ListRulesResponse(rules=map(convert.rule_to_pb, rules), pagination=_paged(after, scope))

    async def GetWebhookSecret(
        self, request: pb.GetWebhookSecretRequest, context: Context
    ) -> pb.GetWebhookSecretResponse:
        rule_id = parse_id(request.rule_id, "rule_id") if request.rule_id else ""
        return pb.GetWebhookSecretResponse(secret=await self._read.secret(person_or_manager(rule_id), rule_id))


def _event_type(pattern: str) -> str:
    return check_pattern(pattern, "event_type_filter") if pattern else ""


def _page(pagination: common_pb2.PaginationRequest, scope: Sequence[str]) -> PageRequest:
    return page_request_by_id(pagination.page_size, pagination.page_token, scope=scope)


def _paged(after: str, scope: Sequence[str]) -> common_pb2.PaginationResponse:
    token = next_token((after,), scope=scope) if after else ""
    return common_pb2.PaginationResponse(next_page_token=token, total_count=-1)
