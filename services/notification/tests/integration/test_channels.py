"""Slack and e-mail as channels, and targets that are references to secrets."""

import base64
import json
from dataclasses import replace

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument
from fp_notification.adapters.smtp import MailServer, SmtpSender
from fp_notification.domain.notifications import Status
from fp_notification.domain.preferences import NewRule
from fp_notification.domain.recipients import Channel
from fp_notification.domain.severity import Severity
from fp_notification.domain.webhook_secrets import NONE, check_webhook_secrets
from fp_notification.settings import mail_address
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import StandingClock, real_now
from standardwebhooks.webhooks import Webhook

PATH = "services/T0/B0/marked-url-9d2e"


@pytest.fixture
async def post(mail_server):
    return await mail_server(tls_context=None, require_starttls=False)


@pytest.fixture
def mailing(database, new_desk, post):
    server = MailServer("127.0.0.1", post.port, mail_address("Forge <no-reply@forge.test>"), tls="off")
    return new_desk(database, mail=SmtpSender(server, timeout=PATIENCE))


def rule(channel, target, secrets=NONE):
    return NewRule("rule", ("fp.>",), Severity.INFO, ((channel, channel.name),), target, secrets)


async def whole(database):
    """Every row of every table."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await database.fetch(f"SELECT t::text AS line FROM {each['tablename']} t") for each in tables]  # noqa: S608
    return "\n".join(row["line"] for found in rows for row in found)


async def test_slack_gets_plain_text_in_which_nobody_can_be_mentioned(desk, facts, receiver, people, command):
    await desk.create_rule(people[0], rule(Channel.SLACK, receiver.url), command())
    await desk.notify([facts(summary="<!channel> & <https://evil.test|click>")])
    assert await desk.worker.once() == 1
    (request,) = receiver.requests
    message = json.loads(request.body)
    assert "&lt;!channel&gt; &amp; &lt;https://evil.test|click&gt;" in message["text"]
    assert message["mrkdwn"] is False
    assert "webhook-signature" not in request.headers
    assert [each.status for each in await desk.log()] == [Status.DELIVERED]


async def test_a_person_is_mailed_at_his_own_address_in_text_and_html(mailing, facts, by, post):
    await mailing.prefer(by(Channel.EMAIL))
    await mailing.notify([facts(summary="Größer <b>als</b> früher")])
    assert await mailing.worker.once() == 1
    ((to, mail),) = post.letters
    assert to == ["ann@people.test"]
    assert "Größer <b>als</b> früher" in mail.get_body(("plain",)).get_content()
    assert "Größer &lt;b&gt;als&lt;/b&gt; früher" in mail.get_body(("html",)).get_content()
    assert mail["Subject"].startswith("[WARNING] ")
    (attempt,) = await mailing.log()
    assert (attempt.channel, attempt.status, attempt.response_code) == (Channel.EMAIL, Status.DELIVERED, 250)
    assert [event.type for event in await mailing.events()] == ["fp.notifications.delivered"]
    assert "people.test" not in repr(await mailing.events())


async def test_a_flood_is_one_mail_with_its_number(mailing, facts, by, post):
    await mailing.prefer(by(Channel.EMAIL))
    await mailing.notify([facts() for _ in range(20)])
    await mailing.database.execute("UPDATE deliveries SET due_at = now()")
    assert await mailing.worker.once() == 6
    assert sum("15 more within a minute" in mail.get_body(("plain",)).get_content() for _, mail in post.letters) == 1


async def test_a_mail_that_is_refused_for_now_is_sent_later(mailing, facts, by, post):
    post.answers = ["451 later", "250 OK"]
    await mailing.prefer(by(Channel.EMAIL))
    await mailing.notify([facts()])
    assert await mailing.worker.once() == 2
    assert [each.status for each in await mailing.log()] == [Status.DELIVERED, Status.RETRYING]


async def test_a_rule_mails_the_address_that_it_names(mailing, facts, people, post, command):
    await mailing.create_rule(people[0], rule(Channel.EMAIL, "team@people.test"), command())
    await mailing.notify([facts()])
    await mailing.worker.once()
    assert [to for to, _ in post.letters] == [["team@people.test"]]


async def test_without_a_mail_server_nobody_is_mailed(desk, by):
    with pytest.raises(FailedPrecondition) as refused:
        await desk.prefer(by(Channel.EMAIL))
    assert refused.value.reason == "MAIL_NOT_CONFIGURED"


async def test_nobody_has_mails_sent_to_another_one(mailing, by):
    with pytest.raises(InvalidArgument):
        await mailing.prefer(by(Channel.EMAIL, "bob@people.test"))


@pytest.mark.parametrize("channel", [Channel.SLACK, Channel.WEBHOOK])
async def test_a_target_may_be_a_secret_which_is_resolved_for_each_message_and_stored_nowhere(
    desk, facts, receiver, people, command, channel, caplog
):
    desk.values.known["secret://hook"] = f"http://127.0.0.1:{receiver.port}/{PATH}\n".encode()
    await desk.create_rule(people[0], rule(channel, "secret://hook"), command())
    receiver.answers = ["500 No", "200 OK"]
    await desk.notify([facts()])
    assert await desk.worker.once() == 2
    assert [request.line for request in receiver.requests] == [f"POST /{PATH} HTTP/1.1"] * 2
    (notification_id,) = {each[2] for each in desk.values.asked}
    assert desk.values.asked == [("alpha", "secret://hook", notification_id)] * 2
    stored = await whole(desk.database)
    assert "secret://hook" in stored
    assert PATH not in stored + caplog.text + repr(await desk.events()) + repr(await desk.log())


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "secret://hook: no such secret"),
        (b"no URL", "secret://hook holds no URL"),
        (b"\xff", "secret://hook holds no URL"),
    ],
)
async def test_a_secret_that_is_gone_or_no_url_fails_the_message_for_good(desk, facts, people, command, value, error):
    if value is not None:
        desk.values.known["secret://hook"] = value
    await desk.create_rule(people[0], rule(Channel.SLACK, "secret://hook"), command())
    await desk.notify([facts()])
    assert await desk.worker.once() == 1
    (attempt,) = await desk.log()
    assert (attempt.status, attempt.error) == (Status.FAILED, error)


SIGNING = base64.b64encode(b"marked-signing-key-of-ours-7f").decode()
MADE_WITH = check_webhook_secrets(
    "secret://sign", {"Authorization": "secret://bearer", "x-team": "secret://team@2"}, ""
)


async def test_a_webhook_is_signed_by_a_secret_and_has_headers_of_secrets_which_are_stored_nowhere(
    database, new_desk, facts, receiver, people, command, caplog
):
    # The receiver's library asks the machine's clock how old a message is.
    desk = new_desk(database, clock=StandingClock(real_now()))
    known = {"sign": f"whsec_{SIGNING}", "bearer": "Bearer marked-token-51\n", "team@2": "alpha"}
    desk.values.known = {f"secret://{name}": value.encode() for name, value in known.items()}
    made = await desk.create_rule(people[0], rule(Channel.WEBHOOK, receiver.url, MADE_WITH), command())
    await desk.notify([facts()])

    assert await desk.worker.once() == 1

    (request,) = receiver.requests
    assert Webhook(SIGNING).verify(request.body, request.headers)
    assert (request.headers["authorization"], request.headers["x-team"]) == ("Bearer marked-token-51", "alpha")
    assert made.channels[0].secrets == MADE_WITH
    (asked,) = desk.values.asked
    assert asked[1:-1] == ("secret://sign", "secret://bearer", "secret://team@2"), "one question for all"
    written = await whole(desk.database) + caplog.text + repr(await desk.events()) + repr(await desk.log())
    assert "secret://sign" in written
    for value in (SIGNING, "marked-token-51"):
        assert value not in written
    with pytest.raises(FailedPrecondition) as refused:
        await desk.read.secret(people[0], made.id)
    assert refused.value.reason == "SIGNED_BY_SECRET"


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("sign", None, "secret://sign: no such secret"),
        ("sign", b"short", "secret://sign holds no signing secret"),
        ("bearer", b"one\r\nx-other: two", "secret://bearer holds no value of a header"),
        ("bearer", b"", "secret://bearer holds no value of a header"),
        ("bearer", b"\xff", "secret://bearer holds no value of a header"),
    ],
)
async def test_a_secret_that_can_be_used_for_nothing_fails_the_message_for_good(
    desk, facts, receiver, people, command, name, value, error
):
    desk.values.known = {"secret://sign": SIGNING.encode(), "secret://bearer": b"b", "secret://team@2": b"alpha"}
    desk.values.known[f"secret://{name}"] = value
    if value is None:
        del desk.values.known[f"secret://{name}"]
    await desk.create_rule(people[0], rule(Channel.WEBHOOK, receiver.url, MADE_WITH), command())
    await desk.notify([facts()])
    assert await desk.worker.once() == 1
    (attempt,) = await desk.log()
    assert (attempt.status, attempt.error) == (Status.FAILED, error)
    assert receiver.requests == []


async def test_a_person_s_own_webhook_keeps_what_it_is_made_with_when_it_is_sent_back_as_read(desk, by, receiver):
    wanted = replace(by(Channel.WEBHOOK, receiver.url), secrets=MADE_WITH)
    await desk.prefer(wanted)
    present = await desk.prefer(replace(wanted, target=""))
    assert present.channel(Channel.WEBHOOK).secrets == MADE_WITH
    present = await desk.prefer(replace(wanted, target="", secrets=NONE))
    assert present.channel(Channel.WEBHOOK).secrets == NONE


@pytest.mark.parametrize("channel", [Channel.SLACK, Channel.EMAIL, Channel.IN_APP])
async def test_only_webhooks_are_made_with_secrets(desk, people, command, channel):
    target = {Channel.SLACK: "secret://hook", Channel.EMAIL: "team@people.test", Channel.IN_APP: ""}[channel]
    with pytest.raises(InvalidArgument) as refused:
        await desk.create_rule(people[0], rule(channel, target, MADE_WITH), command())
    assert refused.value.fields[0].field == "signing_secret"


async def test_a_secret_leads_to_no_address_inside(database, new_desk, facts, people, command):
    desk = new_desk(database)
    desk.values.known["secret://hook"] = b"https://10.0.0.1/hook"
    await desk.create_rule(people[0], rule(Channel.SLACK, "secret://hook"), command())
    await desk.notify([facts()])
    assert await desk.worker.once() == 1
    (attempt,) = await desk.log()
    assert (attempt.status, attempt.error) == (Status.FAILED, "the target is not a public https address")
