"""Mails to a real SMTP server."""

import base64
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address

import pytest
from fp_kernel import InvalidArgument
from fp_notification.adapters.letters import Letters
from fp_notification.adapters.smtp import MailServer, SmtpSender, compose
from fp_notification.app.mail_ports import Letter
from fp_notification.domain.breaker import is_fault
from fp_notification.domain.mails import PARAMETERS, Mail, MailTemplate, check_parameters, parse_address
from fp_notification.settings import Settings
from fp_testkit.patience import PATIENCE
from pydantic import ValidationError

# TLS judges certificates by the machine's clock.
pytestmark = pytest.mark.real_time

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)
SENDER = Address("Forgepoint", addr_spec="no-reply@forge.test")
LETTER = Letter("m1", NOON, "Hello Ann", "Text for Ann\n", "<p>Text for Ann</p>")


@pytest.fixture
def sender(certificate):
    def make(post, *, timeout=PATIENCE, trusted=True, host="localhost", **changes):
        server = replace(MailServer(host, post.port, SENDER), **changes)
        tls = (lambda: ssl.create_default_context(cafile=str(certificate))) if trusted else ssl.create_default_context
        return SmtpSender(server, timeout=timeout, tls=tls)

    return make


async def test_a_mail_arrives_encrypted_with_text_and_html(mail_server, sender):
    post = await mail_server()
    answer = await sender(post).send("ann@people.test", LETTER)
    assert (answer.code, answer.error) == (250, "")
    ((to, mail),) = post.letters
    assert (to, post.encrypted) == (["ann@people.test"], [True])
    assert (mail["From"], mail["To"]) == ("Forgepoint <no-reply@forge.test>", "ann@people.test")
    assert (mail["Subject"], mail["Message-ID"]) == ("Hello Ann", "<m1@forge.test>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_body(("plain",)).get_content().strip() == "Text for Ann"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Text for Ann</p>"


async def test_a_server_with_implicit_tls_is_spoken_to_encrypted(mail_server, sender):
    post = await mail_server(implicit=True)
    assert (await sender(post, tls="implicit").send("ann@people.test", LETTER)).code == 250
    assert post.letters


async def test_a_server_without_starttls_gets_neither_mail_nor_password(mail_server, sender):
    post = await mail_server(tls_context=None, require_starttls=False, auth_require_tls=False)
    answer = await sender(post, user="forge", password="right").send("ann@people.test", LETTER)
    assert (answer.error, answer.final) == ("the mail server offers no STARTTLS", False)
    assert (post.letters, post.logins) == ([], [])


async def test_a_certificate_that_nobody_trusts_gets_no_mail(mail_server, sender):
    post = await mail_server()
    answer = await sender(post, trusted=False).send("ann@people.test", LETTER)
    assert (answer.code, answer.final, post.letters) == (0, False, [])
    assert is_fault(answer)


async def test_a_certificate_of_another_name_gets_no_mail(mail_server, sender):
    post = await mail_server()
    assert (await sender(post, host="127.0.0.1").send("ann@people.test", LETTER)).code == 0
    assert post.letters == []


async def test_the_login_is_used_and_a_refused_one_is_tried_again(mail_server, sender):
    post = await mail_server(auth_required=True)
    assert (await sender(post, user="forge", password="right").send("ann@people.test", LETTER)).code == 250
    answer = await sender(post, user="forge", password="wrong").send("ann@people.test", LETTER)
    assert (answer.code, answer.final) == (0, False), "a password that will be mended costs no mail"
    assert "535" in answer.error


@pytest.mark.parametrize(
    ("said", "final"), [("451 4.7.1 later, ann@people.test", False), ("550 no ann@people.test", True)]
)
async def test_what_the_server_answers_decides_and_its_words_are_not_repeated(mail_server, sender, said, final):
    post = await mail_server()
    post.rcpt = said
    answer = await sender(post).send("ann@people.test", LETTER)
    assert (answer.code, answer.final) == (int(said[:3]), final)
    assert not is_fault(answer), "a server that refuses one mail is at work"
    assert "ann" not in answer.error


async def test_a_server_that_closes_is_in_trouble(mail_server, sender):
    post = await mail_server()
    post.answers = ["421 closing"]
    answer = await sender(post).send("ann@people.test", LETTER)
    assert (answer.final, is_fault(answer)) == (False, True)


async def test_a_drop_in_the_middle_a_silent_server_and_nobody_there_are_tried_again(mail_server, sender):
    post = await mail_server()
    post.answers = [None, "hang"]
    dropped = await sender(post).send("ann@people.test", LETTER)
    silent = await sender(post, timeout=0.5).send("ann@people.test", LETTER)
    away = await sender(replace(post, port=1)).send("ann@people.test", LETTER)
    for answer in (dropped, silent, away):
        assert (answer.code, answer.final, is_fault(answer)) == (0, False, True)
        assert "ann" not in answer.error


async def test_an_address_of_other_letters_is_sent_as_it_is_written(mail_server, sender):
    post = await mail_server()
    assert (await sender(post).send("jürgen@people.test", LETTER)).code == 250
    assert post.letters[0][0] == ["jürgen@people.test"]
    narrow = await mail_server(enable_SMTPUTF8=False)
    answer = await sender(narrow).send("jürgen@people.test", LETTER)
    assert (answer.final, narrow.letters) == (True, [])


@pytest.mark.parametrize(
    "value",
    [
        "ann@people.test\r\nBcc: eve@evil.test",
        "ann@people.test\nRCPT TO:<eve@evil.test>",
        "ann@people.test, eve@evil.test",
        "<ann@people.test>",
        '"a"@people.test',
        "ann@people.test> SIZE=1",
        "ann@",
        "@people.test",
        "ann@people\u2028.test",
        "a" * 65 + "@people.test",
    ],
)
def test_no_address_can_add_a_header_or_a_command(value):
    with pytest.raises(InvalidArgument):
        parse_address(value, "to")


@pytest.mark.parametrize("value", ["x\r\nBcc: eve@evil.test", "x\nBcc: eve@evil.test", "x\r\n\r\nanother body"])
def test_no_subject_can_add_a_header(value):
    with pytest.raises(ValueError, match="Header"):
        compose(SENDER, "ann@people.test", replace(LETTER, subject=value))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "Ann\r\nBcc: eve@evil.test"}, "parameters[name]"),
        ({"name": ""}, "parameters[name]"),
        ({"link": "javascript:alert(1)"}, "parameters[link]"),
        ({"link": 'https://x/"onload' + " "}, "parameters[link]"),
        ({"extra": "x"}, "parameters"),
        ({"valid_for": None}, "parameters[valid_for]"),
    ],
)
def test_a_parameter_that_does_not_belong_is_refused_by_its_name(changes, named):
    given = {"name": "Ann", "link": "https://forge.test/verify/1", "valid_for": "24 hours"} | changes
    given = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(InvalidArgument) as refused:
        check_parameters(MailTemplate.VERIFY_EMAIL, given)
    assert refused.value.fields[0].field == named


@pytest.mark.parametrize("template", list(MailTemplate))
def test_every_template_says_what_it_was_given_and_escapes_it_in_html(template):
    values = {
        "name": "Ann <b>", "team": "Blue & Co", "inviter": "Bob", "valid_for": "24 hours",
        "changed_at": "1 June 2013", "change": "turned on", "link": "https://forge.test/x?a=1&b=2",
    }  # fmt: skip
    given = {name: values[name] for name in PARAMETERS[template]}
    letter = Letters().account(Mail("m1", "alpha", template, NOON, "ann@people.test", given))
    assert letter.subject
    assert "\n" not in letter.subject
    for value in given.values():
        assert value in letter.text or value in letter.subject
    assert "<b>" not in letter.html
    assert ("&amp;b=2" in letter.html) == ("link" in given)
    assert "$" not in letter.text + letter.html + letter.subject


def test_only_a_server_on_loopback_may_be_spoken_to_in_the_clear(mail_settings):
    assert mail_settings(smtp_host="127.0.0.1", smtp_tls="off").smtp is not None
    assert mail_settings(smtp_host="").smtp is None
    for wrong in ({"smtp_tls": "off"}, {"smtp_from": ""}, {"smtp_from": "nobody"}, {"smtp_tls": "none"}):
        with pytest.raises(ValidationError):
            mail_settings(**wrong)


@pytest.fixture
def mail_settings():
    def make(**changes):
        given = {
            "auth_issuer": "http://auth.test:1", "auth_addr": "auth.test:1", "service_secret": "s" * 20,
            "database_url": "postgresql://u@h/d", "nats_url": "nats://h:1",
            "notification_signing_key": base64.b64encode(b"k" * 32).decode(),
            "smtp_host": "mail.test", "smtp_from": "Forge <no-reply@forge.test>",
        }  # fmt: skip
        return Settings(**(given | changes))

    return make
