"""The team's rule: notifications of drift go to its webhook."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from forgepoint.notification.v1 import notification_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import AlreadyExists, FailedPrecondition, NotFound, SystemClock, new_id

from fp_flights.story.narrator import Narrator
from fp_flights.story.receiver import Receiver, listening
from fp_flights.story.session import Session

NAME = "flights-drift"
PATTERN = "fp.models.drift.>"
# A message whose process was killed goes on elsewhere when its lease of a minute ran out.
DELIVERY_SECONDS = 120.0


@asynccontextmanager
async def receiving(session: Session, narrator: Narrator, *, near: bool) -> AsyncIterator[Receiver | None]:
    """A receiver that hears of drift until the block ends; then the rule goes too.

    near: whether the platform is on this machine. One elsewhere sends nothing to a loopback: then there is none.
    """
    if not near:
        yield None
        return
    async with listening() as receiver:
        rule = await _create(session, receiver.url)
        request = pb.GetWebhookSecretRequest(rule_id=rule)
        receiver.secret = (await patiently(lambda: session.notification.GetWebhookSecret(request))).secret
        narrator.say(f"events {PATTERN} are sent to {receiver.url}, signed")
        yield receiver
        await _delete(session, rule)


def due(raised: Iterable[datetime], now: datetime) -> int:
    """Of how many alarms the messages have been sent: beyond a few in a minute, one goes out when it is over."""
    return sum(each < now.replace(second=0, microsecond=0) for each in raised)


async def heard(receiver: Receiver, count: int) -> None:
    """Until messages of so many events have come, for at most DELIVERY_SECONDS."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DELIVERY_SECONDS):
            while receiver.events < count:
                receiver.news.clear()
                await receiver.news.wait()


async def told(narrator: Narrator, receiver: Receiver | None, raised: list[datetime]) -> None:
    """Say how the alarms came, as soon as those have come that were sent by now. raised: when each alarm was."""
    if receiver is None:
        return
    await heard(receiver, due(raised, SystemClock().now()))
    messages, told_of = len(receiver.by_id), receiver.events
    narrator.say(f"{told_of} of {len(raised)} alarms came by webhook in {messages} messages, signatures verified")
    if told_of < len(raised):
        narrator.say(f"the other {len(raised) - told_of} follow in one message when their minute is over")


async def _create(session: Session, target: str) -> str:
    request = pb.CreateRuleRequest(
        name=NAME,
        patterns=[PATTERN],
        min_severity=pb.NOTIFICATION_SEVERITY_INFO,
        channels=[pb.NOTIFICATION_CHANNEL_WEBHOOK],
        target=target,
        idempotency_key=new_id(),
    )
    try:
        response = await patiently(lambda: session.notification.CreateRule(request))
    except AlreadyExists:
        # Of a story that was broken off; its receiver is gone.
        await _delete(session, await _by_name(session))
        request.idempotency_key = new_id()
        response = await patiently(lambda: session.notification.CreateRule(request))
    return str(response.rule.id)


async def _by_name(session: Session) -> str:
    request = pb.ListRulesRequest()
    while True:
        response = await patiently(lambda: session.notification.ListRules(request))
        for rule in response.rules:
            if rule.name == NAME:
                return str(rule.id)
        request.pagination.page_token = response.pagination.next_page_token
        if not request.pagination.page_token:
            raise FailedPrecondition(f"the rule {NAME} exists and is not listed")


async def _delete(session: Session, rule: str) -> None:
    request = pb.DeleteRuleRequest(id=rule, idempotency_key=new_id())
    with suppress(NotFound):
        await patiently(lambda: session.notification.DeleteRule(request))
