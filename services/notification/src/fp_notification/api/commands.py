"""The RPCs that change or send something."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc
from forgepoint.notification.v1 import notification_pb2 as pb
from forgepoint.notification.v1.notification_pb2_grpc import NotificationServiceServicer
from fp_kernel import Command, Principal, invalid, parse_id
from fp_rpc import command
from google.protobuf.message import Message

from fp_notification.api import convert
from fp_notification.api.caller import member, person, person_or_manager
from fp_notification.app.mark_read import Marked, UpTo
from fp_notification.app.use_cases import UseCases
from fp_notification.domain.recipients import Recipient

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_MARKED = 1_000


class CommandServicer(NotificationServiceServicer):
    def __init__(self, use_cases: UseCases) -> None:
        self._do = use_cases

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        caller, wanted = person(), convert.wanted_channels(request)
        key = personal(request, _updated, caller)
        return _updated(await self._do.update_preferences(caller, wanted, request.muted_event_patterns, key))

    async def CreateRule(self, request: pb.CreateRuleRequest, context: Context) -> pb.CreateRuleResponse:
        new = convert.new_rule(request)
        return _created(await self._do.create_rule(member(), new, command(request, _created)))

    async def DeleteRule(self, request: pb.DeleteRuleRequest, context: Context) -> pb.DeleteRuleResponse:
        rule_id = parse_id(request.id, "id")
        await self._do.delete_rule(member(), rule_id, command(request, lambda _: pb.DeleteRuleResponse()))
        return pb.DeleteRuleResponse()

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.MarkReadResponse:
        caller, wanted = person(), _wanted(request)
        return _marked(await self._do.mark_read(caller, wanted, personal(request, _marked, caller)))

    async def TestChannel(self, request: pb.TestChannelRequest, context: Context) -> pb.TestChannelResponse:
        channel = convert.channel_of(request.channel, "channel")
        rule_id = parse_id(request.rule_id, "rule_id") if request.rule_id else ""
        caller = person_or_manager(rule_id)
        key = personal(request, convert.tested_to_pb, caller)
        return convert.tested_to_pb(await self._do.try_channel(caller, channel, rule_id, key))


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


def _marked(marked: Marked) -> pb.MarkReadResponse:
    return pb.MarkReadResponse(marked_count=marked.marked, unread_count=marked.unread)
