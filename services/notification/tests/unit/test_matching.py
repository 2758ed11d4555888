import pytest
from fp_notification.domain.matching import decide
from fp_notification.domain.recipients import DEFAULT_CHANNELS, Channel, ChannelSetting, Recipient, RecipientKind
from fp_notification.domain.severity import Severity, severity_of

HOOK = ChannelSetting(Channel.WEBHOOK, enabled=True, min_severity=Severity.INFO, target="https://a.test/")
ALL_IN_APP = ChannelSetting(Channel.IN_APP, enabled=True, min_severity=Severity.INFO)


def person(name="ann", *, channels=DEFAULT_CHANNELS, muted=(), team="alpha"):
    return Recipient(team, name, RecipientKind.USER, channels=channels, muted=muted)


def rule(*patterns, channels=(HOOK,), team="alpha"):
    return Recipient(team, "rule", RecipientKind.RULE, patterns=patterns, channels=channels)


def channels_of(facts, *audience):
    return {each.recipient.id: set(each.channels) for each in decide(facts, audience)}


def test_people_hear_of_warnings_in_the_application_unless_they_chose_otherwise(facts):
    assert channels_of(facts(severity=Severity.WARNING), person()) == {"ann": {"IN_APP"}}
    assert channels_of(facts(severity=Severity.INFO), person()) == {}


def test_an_event_type_that_nobody_knows_is_told_too(facts):
    assert channels_of(facts("fp.rockets.launched"), person(), rule("fp.rockets.*")) == {
        "ann": {"IN_APP"},
        "rule": {"WEBHOOK"},
    }


def test_each_channel_has_its_own_floor(facts):
    loud = ChannelSetting(Channel.WEBHOOK, enabled=True, min_severity=Severity.CRITICAL, target="https://a.test/")
    ann = person(channels=(ALL_IN_APP, loud))
    assert channels_of(facts(severity=Severity.ERROR), ann) == {"ann": {"IN_APP"}}
    assert channels_of(facts(severity=Severity.CRITICAL), ann) == {"ann": {"IN_APP", "WEBHOOK"}}


def test_a_mute_wins_over_preferences_and_rules(facts):
    everyone = rule("fp.models.>", channels=(ALL_IN_APP,))
    assert channels_of(facts(), person(muted=("fp.models.drift.*",)), everyone) == {}


def test_a_rule_that_shows_in_the_application_shows_to_the_whole_team(facts):
    everyone = rule("fp.models.>", channels=(ALL_IN_APP, HOOK))
    found = channels_of(facts(severity=Severity.INFO), person("ann"), person("bob"), everyone)
    assert found == {"ann": {"IN_APP"}, "bob": {"IN_APP"}, "rule": {"WEBHOOK"}}


def test_a_channel_that_is_off_is_not_used(facts):
    assert channels_of(facts(), person(channels=())) == {}
    off = ChannelSetting(Channel.IN_APP, enabled=False, min_severity=Severity.INFO)
    assert channels_of(facts(), person(channels=(off,))) == {}


def test_other_teams_hear_nothing(facts):
    assert channels_of(facts(team="beta"), person(), rule("fp.>")) == {}


@pytest.mark.parametrize("own", ["fp.notifications.failed", "fp.dlq.billing.fp.models.promoted"])
def test_what_this_service_tells_and_dead_letters_are_never_told(facts, own):
    assert channels_of(facts(own, Severity.CRITICAL), person(), rule("fp.>")) == {}


def test_a_severity_of_a_later_build_is_not_taken_for_harmless():
    assert [severity_of(number) for number in (0, 1, 4, 9)] == [1, 1, 4, 4]
