import asyncio
import contextlib
import json

import pytest
from fp_kernel import FailedPrecondition, NotFound, Replayed, new_id
from fp_notification.adapters.http import HttpSender
from fp_notification.adapters.names import Names
from fp_notification.app.ports import LeaseLost
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.delivery import Answer, Backoff
from fp_notification.domain.notifications import Status
from fp_notification.domain.recipients import TARGET_GONE, Channel
from fp_notification.domain.targets import AddressPolicy
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import StandingClock, real_now
from standardwebhooks.webhooks import Webhook


def outcomes(attempts):
    return [each.status for each in reversed(attempts)]


async def test_a_rule_calls_its_webhook_with_a_signature_that_verifies(database, new_desk, facts, receiver, people):
    # The receiver's library asks the machine's clock how old a message is.
    desk = new_desk(database, clock=StandingClock(real_now()))
    rule = await desk.rule("fp.models.>", target=receiver.url)
    event = facts(summary="Größer als früher")
    await desk.notify([event])
    assert await desk.worker.once() == 1
    (request,) = receiver.requests
    message = Webhook(await desk.read.secret(people[0], rule.id)).verify(request.body, request.headers)
    assert (message["type"], message["data"]["event_id"]) == (event.type, event.event_id)
    assert message["data"]["body"] == "Größer als früher"
    (attempt,) = await desk.log()
    assert (attempt.status, attempt.response_code, attempt.number) == (Status.DELIVERED, 204, 1)
    assert request.headers["webhook-id"] == attempt.notification_id
    assert [each.type for each in await desk.events()] == ["fp.notifications.delivered"]


async def test_a_receiver_that_fails_is_tried_again_with_the_same_message(desk, facts, receiver):
    receiver.answers = ["500 No", None, "200 OK"]
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts()])
    assert await desk.worker.once() == 3
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
    log = await desk.log()
    assert outcomes(log) == [Status.RETRYING, Status.RETRYING, Status.DELIVERED]
    assert [each.response_code for each in reversed(log)] == [500, 0, 200]
    assert [each.type for each in await desk.events()] == ["fp.notifications.delivered"]


async def test_after_the_last_attempt_it_has_failed_and_others_hear_of_it(desk, facts, receiver):
    receiver.answers = ["503 Away"]
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts()])
    assert await desk.worker.once() == 3
    assert outcomes(await desk.log()) == [Status.RETRYING, Status.RETRYING, Status.FAILED]
    (message,) = await desk.events()
    assert (message.type, message.payload.attempts, message.severity.name) == ("fp.notifications.failed", 3, "WARNING")
    assert await desk.worker.once() == 0


async def test_a_retry_waits_for_its_time(database, new_desk, facts, receiver):
    desk = new_desk(database, backoff=Backoff((60.0,)))
    receiver.answers = ["500 No"]
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts()])
    assert [await desk.worker.once(), await desk.worker.once()] == [1, 0]


async def test_gone_switches_the_target_off_and_what_waits_is_suppressed(desk, facts, receiver, webhook, people):
    receiver.answers = ["410 Gone"]
    await desk.prefer(webhook(receiver.url))
    await desk.notify([facts()])
    await desk.worker.once()
    setting = (await desk.read.preferences(people[0])).channel(Channel.WEBHOOK)
    assert (setting.enabled, setting.disabled_reason) == (False, TARGET_GONE)
    assert await desk.notify([facts()]) == 0
    receiver.answers = ["200 OK"]
    await desk.prefer(webhook(""))
    assert await desk.notify([facts()]) == 1
    await desk.worker.once()
    assert len(receiver.requests) == 2


async def test_gone_does_not_switch_off_a_target_that_took_its_place(desk, facts, receiver, webhook, people):
    receiver.answers = ["410 Gone"]
    await desk.prefer(webhook(receiver.url))
    await desk.notify([facts()])
    (lease,) = await desk.claims.claim(1, 60.0)
    await desk.prefer(webhook(f"{receiver.url}&new=1"))
    await desk.worker._deliver(lease)
    assert (await desk.read.preferences(people[0])).channel(Channel.WEBHOOK).enabled


async def test_what_was_asked_for_no_more_is_suppressed(desk, facts, receiver, people, command):
    rule = await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts()])
    await desk.delete_rule(people[0], rule.id, command(""))
    await desk.worker.once()
    assert receiver.requests == []
    assert outcomes(await desk.log()) == [Status.SUPPRESSED]
    assert await desk.events() == []


async def test_two_replicas_send_each_message_once(desk, new_desk, facts, receiver, gathered):
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts(resource_id=f"m{number}") for number in range(40)])
    made = await gathered(desk.worker.once(), new_desk(desk.database).worker.once())
    assert sum(made) == 40
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(ids) == len(set(ids)) == 40


async def test_a_message_whose_sender_vanished_is_sent_by_another_one(database, new_desk, facts, receiver):
    desk = new_desk(database)
    await desk.rule("fp.>", target=receiver.url)
    await desk.notify([facts()])
    (lost,) = await desk.claims.claim(1, PATIENCE)
    assert await desk.worker.once() == 0
    # A lease ends on the database's clock.
    await database.execute("UPDATE deliveries SET due_at = now()")
    assert await desk.worker.once() == 1
    with pytest.raises(LeaseLost):
        await desk.worker._deliver(lost)
    assert outcomes(await desk.log()) == [Status.DELIVERED]
    assert len(await desk.events()) == 1
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


async def test_a_worker_that_is_stopped_finishes_what_it_sends(database, new_desk, facts):
    class Slow:
        def __init__(self):
            self.begun, self.goes_on = asyncio.Event(), asyncio.Event()

        async def check(self, target, field):
            pass

        async def send(self, target, headers, body):
            self.begun.set()
            await self.goes_on.wait()
            return Answer(200)

    slow = Slow()
    desk = new_desk(database, sender=slow)
    await desk.rule("fp.>", target="https://hooks.test/")
    await desk.notify([facts()])
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.worker.run())
        await slow.begun.wait()
        running.cancel()
        slow.goes_on.set()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert outcomes(await desk.log()) == [Status.DELIVERED]


async def test_an_address_inside_fails_at_once_and_is_never_called(database, new_desk, facts, receiver):
    await new_desk(database).rule("fp.>", target=receiver.url)
    strict = new_desk(database, sender=HttpSender(AddressPolicy(), timeout=PATIENCE, resolve=Names(PATIENCE)))
    await strict.notify([facts()])
    assert await strict.worker.once() == 1
    assert outcomes(await strict.log()) == [Status.FAILED]
    assert receiver.requests == []


async def test_a_test_message_is_sent_once_for_a_key_and_answers_the_same_again(
    desk, receiver, webhook, people, command
):
    await desk.prefer(webhook(receiver.url))
    attempt = await desk.try_channel(people[0], Channel.WEBHOOK, "", command())
    assert (attempt.status, attempt.response_code) == (Status.DELIVERED, 204)
    with pytest.raises(Replayed):
        await desk.try_channel(people[0], Channel.WEBHOOK, "", command())
    assert len(receiver.requests) == 1
    assert json.loads(receiver.requests[0].body)["data"]["title"] == "Test message"


async def test_a_test_that_fails_is_not_repeated_by_itself(desk, receiver, webhook, people, command):
    receiver.answers = ["500 No"]
    await desk.prefer(webhook(receiver.url))
    attempt = await desk.try_channel(people[0], Channel.WEBHOOK, "", command(""))
    assert (attempt.status, attempt.error) == (Status.FAILED, "the target answered 500")
    assert await desk.worker.once() == 0


async def test_a_test_needs_a_channel_that_is_on_and_a_rule_that_is_there(desk, people, command, receiver, webhook):
    with pytest.raises(FailedPrecondition):
        await desk.try_channel(people[0], Channel.WEBHOOK, "", command(""))
    with pytest.raises(NotFound):
        await desk.try_channel(people[0], Channel.WEBHOOK, new_id(), command(""))
    await desk.prefer(webhook(receiver.url), who=people[1])
    with pytest.raises(NotFound):
        await desk.try_channel(people[0], Channel.WEBHOOK, "bob", command(""))
    assert receiver.requests == [], "a colleague's own webhook is no rule"
    shown = await desk.try_channel(people[0], Channel.IN_APP, "", command(""))
    assert shown.status is Status.DELIVERED
    assert [each.title for each in await desk.feed()] == ["Test message"]


async def test_a_destination_that_does_not_answer_does_not_hold_up_the_others(database, new_desk, facts, receiver):
    class Half:
        """One destination works; the other one is asked for and counted."""

        def __init__(self):
            self.works, self.asked = False, 0

        async def check(self, target, field):
            pass

        async def send(self, target, headers, body):
            if "well" in target:
                return Answer(200)
            self.asked += 1
            return Answer(200 if self.works else 503)

    half = Half()
    desk = new_desk(database, sender=half, backoff=Backoff((0.0,) * 50), breaker=BreakerPolicy(3, 60.0))
    await desk.rule("fp.>", target="https://ill.test/", name="ill")
    await desk.rule("fp.>", target="https://well.test/", name="well")
    await desk.notify([facts(resource_id=f"m{number}") for number in range(40)])
    await desk.worker.once()
    log = await desk.log()
    assert sum(each.status is Status.DELIVERED for each in log) == 40
    assert half.asked < 40, "what was under way when it was left alone, and no more"
    asked = half.asked
    await desk.notify([facts()])
    assert await desk.worker.once() == 1, "what is new waits with the others"
    assert half.asked == asked
    await database.execute("UPDATE destinations SET open_until = now() WHERE open_until IS NOT NULL")
    assert await desk.worker.once() == 1, "one message tries the destination, and is answered by a fault again"
    assert half.asked == asked + 1
    half.works = True
    await database.execute("UPDATE destinations SET open_until = now() WHERE open_until IS NOT NULL")
    await desk.worker.once()
    left = await database.fetchval("SELECT count(*) FROM deliveries WHERE status <> 'DELIVERED'")
    assert (left, await database.fetchval("SELECT sum(failures) FROM destinations")) == (0, 0)


async def test_two_replicas_count_the_faults_of_a_destination_together(database, new_desk, facts, receiver, gathered):
    receiver.answers = ["500 No"]
    desks = [new_desk(database, backoff=Backoff((0.0,) * 50), breaker=BreakerPolicy(10, 60.0)) for _ in range(2)]
    await desks[0].rule("fp.>", target=receiver.url)
    await desks[0].notify([facts(resource_id=f"m{number}") for number in range(60)])
    await gathered(*(desk.worker.once() for desk in desks))
    assert 10 <= len(receiver.requests) <= 60
    assert await database.fetchval("SELECT failures FROM destinations") == len(receiver.requests)
