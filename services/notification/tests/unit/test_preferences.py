from dataclasses import replace

import pytest
from fp_kernel import InvalidArgument
from fp_notification.domain.preferences import NewRule, WantedChannel, check_mutes, choose_channels, create_rule
from fp_notification.domain.recipients import TARGET_GONE, Channel, Recipient, RecipientKind
from fp_notification.domain.severity import Severity
from fp_notification.domain.targets import destination, mask

URL = "https://hooks.example.com/secret"
NEW = Recipient("alpha", "ann", RecipientKind.USER, channels=())


def hook(target=URL, *, enabled=True):
    return WantedChannel(Channel.WEBHOOK, "WEBHOOK", enabled, Severity.INFO, target)


def having(target=URL, **changes):
    return replace(NEW, channels=tuple(replace(each, **changes) for each in choose_channels([hook(target)], NEW)))


def new(**changes):
    given = {
        "name": "drift",
        "patterns": ("fp.models.drift.>",),
        "min_severity": Severity.INFO,
        "channels": ((Channel.WEBHOOK, "WEBHOOK"),),
        "target": URL,
    }
    return NewRule(**(given | changes))


def field_of(call):
    with pytest.raises(InvalidArgument) as caught:
        call()
    return caught.value.fields[0].field, caught.value.reason


@pytest.mark.parametrize("target", ["", mask(URL), URL])
def test_a_target_that_is_sent_back_as_it_was_shown_keeps_its_secret(target):
    present = having()
    (chosen,) = choose_channels([hook(target)], present)
    assert (chosen.target, chosen.secret_id) == (URL, present.channels[0].secret_id)


def test_a_new_target_has_a_new_secret():
    present = having()
    (chosen,) = choose_channels([hook("https://other.example.com/")], present)
    assert chosen.secret_id not in ("", present.channels[0].secret_id)


def test_what_the_platform_switched_off_comes_back_by_the_owners_word():
    gone = having(enabled=False, disabled_reason=TARGET_GONE)
    assert choose_channels([hook("", enabled=False)], gone)[0].disabled_reason == TARGET_GONE
    assert choose_channels([hook("")], gone)[0].disabled_reason == ""


def test_bad_preferences_are_refused_by_name():
    unknown = WantedChannel(None, "", True, Severity.INFO, "a@b.test")
    in_app = WantedChannel(Channel.IN_APP, "IN_APP", True, Severity.INFO, "https://a.test/")
    assert field_of(lambda: choose_channels([hook(), unknown], NEW)) == (
        "channels[1].channel",
        "CHANNEL_NOT_OFFERED",
    )
    assert field_of(lambda: choose_channels([hook(), hook()], NEW))[0] == "channels[1].channel"
    assert field_of(lambda: choose_channels([in_app], NEW))[0] == "channels[0].target"
    assert field_of(lambda: choose_channels([hook("")], NEW))[0] == "channels[0].target"
    assert field_of(lambda: check_mutes(["fp.>", "models"]))[0] == "muted_event_patterns[1]"
    assert field_of(lambda: check_mutes(["fp.>"] * 101))[0] == "muted_event_patterns"


@pytest.mark.parametrize(
    "pattern", ["fp.inference.>", "fp.inference.failed", "fp.audit.*", "fp.notifications.>", "fp.dlq.>"]
)
def test_rules_for_events_that_are_not_offered_are_refused_by_name(pattern):
    found = field_of(lambda: create_rule(new(patterns=("fp.>", pattern)), team="alpha", by="ann", now=None))
    assert found == ("patterns[1]", "EVENTS_NOT_OFFERED")


@pytest.mark.parametrize("pattern", ["fp.>", "fp.*.failed", "fp.*.*.detected", "fp.rockets.launched"])
def test_rules_may_name_all_the_others_at_once_and_what_is_not_known_yet(pattern):
    assert create_rule(new(patterns=(pattern,)), team="alpha", by="ann", now=None).patterns == (pattern,)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"patterns": ()}, "patterns"),
        ({"patterns": ("fp.a",) * 21}, "patterns"),
        ({"patterns": ("*",)}, "patterns[0]"),
        ({"channels": ()}, "channels"),
        ({"channels": ((None, ""),)}, "channels[0]"),
        ({"channels": ((Channel.SLACK, "SLACK"), (Channel.WEBHOOK, "WEBHOOK"))}, "channels"),
        ({"channels": ((Channel.EMAIL, "EMAIL"),)}, "target"),
        ({"target": "secret://a b"}, "target"),
        ({"target": ""}, "target"),
        ({"channels": ((Channel.IN_APP, "IN_APP"),)}, "target"),
    ],
)
def test_bad_rules_are_refused_by_name(changes, field):
    assert field_of(lambda: create_rule(new(**changes), team="alpha", by="ann", now=None))[0] == field


def mailed(target="", *, enabled=True):
    return WantedChannel(Channel.EMAIL, "EMAIL", enabled, Severity.INFO, target)


def test_mails_of_a_person_go_to_his_own_address_and_to_no_other():
    (own,) = choose_channels([mailed()], NEW, "ann@people.test")
    assert own.target == "ann@people.test"
    assert choose_channels([mailed("Ann@People.test")], NEW, "ann@people.test")[0].target == "ann@people.test"
    for target, address in (("bob@people.test", "ann@people.test"), ("", ""), ("ann@people.test", "")):
        assert field_of(lambda: choose_channels([mailed(target)], NEW, address))[0] == "channels[0].target"  # noqa: B023
    shown = replace(NEW, channels=(own,))
    assert choose_channels([mailed("a...@people.test")], shown)[0].target == "ann@people.test", "as it was shown"


def test_a_reference_is_shown_and_an_address_is_not():
    assert mask("secret://hook@2") == "secret://hook@2"
    assert mask("ann@people.test") == "a...@people.test"
    assert mask("https://a.test/path?x=a@b") == "https://a.test/..."


def test_what_is_called_has_a_room_of_its_own():
    assert destination("https://A.test:8443/x", "alpha") == "a.test"
    assert destination("secret://hook", "alpha") != destination("secret://hook", "beta")
    assert destination("ann@people.test", "alpha") == destination("bob@other.test", "beta") == ":smtp"
    assert destination("", "alpha") == ""
