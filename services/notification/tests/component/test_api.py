import pytest
from forgepoint.notification.v1 import notification_pb2 as pb
from fp_kernel import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, new_id

IN_APP, WEBHOOK = pb.NOTIFICATION_CHANNEL_IN_APP, pb.NOTIFICATION_CHANNEL_WEBHOOK
INFO, WARNING = pb.NOTIFICATION_SEVERITY_INFO, pb.NOTIFICATION_SEVERITY_WARNING


def hook(url, **changes):
    return pb.ChannelPreference(**{"channel": WEBHOOK, "enabled": True, "target": url} | changes)


def rule(**changes):
    given = {"name": "drift", "patterns": ["fp.models.>"], "channels": [IN_APP]}
    return pb.CreateRuleRequest(**(given | changes))


async def field_of(call):
    with pytest.raises(InvalidArgument) as caught:
        await call
    return caught.value.fields[0].field


async def test_who_chose_nothing_has_the_default_preferences(replica, caller):
    found = (await caller(await replica(), "viewer").GetPreferences(pb.GetPreferencesRequest())).preferences
    assert found.user_id == "viewer-of-alpha"
    assert [(each.channel, each.enabled, each.min_severity) for each in found.channels] == [(IN_APP, True, WARNING)]


async def test_preferences_are_replaced_and_hide_where_the_webhook_is(replica, caller, receiver):
    viewer = caller(await replica(), "viewer")
    wanted = pb.UpdatePreferencesRequest(channels=[hook(receiver.url)], muted_event_patterns=["fp.billing.>"])
    updated = (await viewer.UpdatePreferences(wanted)).preferences
    assert updated == (await viewer.GetPreferences(pb.GetPreferencesRequest())).preferences
    (channel,) = updated.channels
    assert channel.target == f"http://127.0.0.1:{receiver.port}/..."
    secret = (await viewer.GetWebhookSecret(pb.GetWebhookSecretRequest())).secret
    assert secret.startswith("whsec_")
    # Sent back as it was read, the target and its secret stay.
    await viewer.UpdatePreferences(pb.UpdatePreferencesRequest(channels=updated.channels))
    assert (await viewer.GetWebhookSecret(pb.GetWebhookSecretRequest())).secret == secret
    assert (await viewer.TestChannel(pb.TestChannelRequest(channel=WEBHOOK))).response_code == 204


async def test_a_colleagues_key_is_not_mine(replica, caller):
    service = await replica()
    request = pb.UpdatePreferencesRequest(muted_event_patterns=["fp.a"], idempotency_key="k")
    ann, bob = caller(service, "viewer"), caller(service, "engineer")
    assert (await ann.UpdatePreferences(request)).preferences.user_id == "viewer-of-alpha"
    first = (await bob.UpdatePreferences(request)).preferences
    assert first.user_id == "engineer-of-alpha"
    assert (await bob.UpdatePreferences(request)).preferences == first
    request.muted_event_patterns.append("fp.b")
    assert await field_of(bob.UpdatePreferences(request)) == "idempotency_key"


async def test_bad_preferences_name_the_field(replica, caller, receiver):
    viewer = caller(await replica(), "viewer")

    def update(**changes):
        return field_of(viewer.UpdatePreferences(pb.UpdatePreferencesRequest(**changes)))

    unknown = pb.ChannelPreference(channel=9, enabled=True, target="https://a.test")
    assert await update(channels=[hook(receiver.url), unknown]) == "channels[1].channel"
    assert await update(channels=[hook("https://10.0.0.1/")]) == "channels[0].target"
    assert await update(channels=[hook("http://169.254.169.254/latest")]) == "channels[0].target"
    assert await update(channels=[hook("https://10.0.0.1/...")]) == "channels[0].target"
    assert await update(channels=[hook("https://[::ffff:10.0.0.1]/")]) == "channels[0].target"
    assert await update(channels=[hook(receiver.url, min_severity=9)]) == "channels[0].min_severity"
    assert await update(muted_event_patterns=["fp.a", "*"]) == "muted_event_patterns[1]"
    with pytest.raises(FailedPrecondition):
        await viewer.GetWebhookSecret(pb.GetWebhookSecretRequest())


async def test_without_the_setting_no_webhook_reaches_loopback(replica, caller, receiver):
    viewer = caller(await replica(notification_webhook_loopback=""), "viewer")
    request = pb.UpdatePreferencesRequest(channels=[hook(receiver.url)])
    assert await field_of(viewer.UpdatePreferences(request)) == "channels[0].target"


async def test_rules_are_made_listed_and_deleted_by_admins(replica, caller):
    service = await replica()
    admin, viewer, other = caller(service), caller(service, "viewer"), caller(service, team="beta")
    made = [(await admin.CreateRule(rule(name=f"rule-{number}"))).rule for number in range(3)]
    assert (made[0].created_by, made[0].min_severity, list(made[0].channels)) == ("admin-of-alpha", INFO, [IN_APP])
    first = await viewer.ListRules(pb.ListRulesRequest(pagination={"page_size": 2}))
    token = first.pagination.next_page_token
    rest = await viewer.ListRules(pb.ListRulesRequest(pagination={"page_size": 2, "page_token": token}))
    assert [*first.rules, *rest.rules] == made[::-1]
    assert await field_of(other.ListRules(pb.ListRulesRequest(pagination={"page_token": token}))) == (
        "pagination.page_token"
    )
    with pytest.raises(AlreadyExists):
        await admin.CreateRule(rule(name="rule-1"))
    for who, error in ((viewer, PermissionDenied), (other, NotFound)):
        with pytest.raises(error):
            await who.DeleteRule(pb.DeleteRuleRequest(id=made[0].id))
    await admin.DeleteRule(pb.DeleteRuleRequest(id=made[0].id, idempotency_key="k"))
    await admin.DeleteRule(pb.DeleteRuleRequest(id=made[0].id, idempotency_key="k"))
    with pytest.raises(NotFound):
        await admin.DeleteRule(pb.DeleteRuleRequest(id=made[0].id))


def rule_change(made, **changes):
    """The rule as it is read, as a change of it."""
    given = {name: getattr(made, name) for name in ("id", "patterns", "channels", "min_severity", "target")}
    return pb.UpdateRuleRequest(**(given | changes))


async def test_a_rule_is_changed_in_its_place(replica, caller, receiver):
    admin = caller(await replica())
    made = (await admin.CreateRule(rule(channels=[WEBHOOK, IN_APP], target=receiver.url))).rule
    secret = (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=made.id))).secret
    wanted = rule_change(made, name="moved", patterns=["fp.pipelines.>"], min_severity=WARNING, idempotency_key="k")
    changed = (await admin.UpdateRule(wanted)).rule
    assert (changed.id, changed.name, list(changed.patterns)) == (made.id, "moved", ["fp.pipelines.>"])
    assert (changed.min_severity, changed.target) == (WARNING, made.target)
    assert (changed.created_by, changed.created_at) == (made.created_by, made.created_at)
    assert (await admin.UpdateRule(wanted)).rule == changed, "the same key again changes nothing more"
    assert list((await admin.ListRules(pb.ListRulesRequest())).rules) == [changed]
    # The receiver goes on verifying with what it knows until the rule calls another place.
    assert (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=made.id))).secret == secret
    assert (await admin.TestChannel(pb.TestChannelRequest(channel=WEBHOOK, rule_id=made.id))).response_code == 204
    elsewhere = rule_change(changed, target=f"{receiver.url}/elsewhere")
    assert (await admin.UpdateRule(elsewhere)).rule.name == "moved", "an empty name keeps the present one"
    assert (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=made.id))).secret != secret
    silent = (await admin.UpdateRule(rule_change(changed, channels=[IN_APP], target=""))).rule
    assert (list(silent.channels), silent.target) == ([IN_APP], "")
    with pytest.raises(FailedPrecondition):
        await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=made.id))


async def test_a_change_of_a_rule_is_refused_as_its_creation_would_be(replica, caller, receiver):
    service = await replica()
    admin, viewer, other = caller(service), caller(service, "viewer"), caller(service, team="beta")
    made = (await admin.CreateRule(rule())).rule
    await admin.CreateRule(rule(name="taken"))
    assert await field_of(admin.UpdateRule(rule_change(made, patterns=["fp.audit.>"]))) == "patterns[0]"
    assert await field_of(admin.UpdateRule(rule_change(made, channels=[]))) == "channels"
    assert await field_of(admin.UpdateRule(rule_change(made, channels=[WEBHOOK]))) == "target"
    inside = rule_change(made, channels=[WEBHOOK], target="https://10.0.0.1/")
    assert await field_of(admin.UpdateRule(inside)) == "target"
    assert await field_of(admin.UpdateRule(rule_change(made, id="x"))) == "id"
    assert await field_of(admin.UpdateRule(rule_change(made, expected_revision=-1))) == "expected_revision"
    with pytest.raises(AlreadyExists):
        await admin.UpdateRule(rule_change(made, name="taken"))
    for who, error in ((viewer, PermissionDenied), (other, NotFound)):
        with pytest.raises(error):
            await who.UpdateRule(rule_change(made))
    with pytest.raises(NotFound):
        await admin.UpdateRule(rule_change(made, id=new_id()))
    assert made in (await admin.ListRules(pb.ListRulesRequest())).rules, "nothing of it was stored"


async def test_who_did_not_see_the_last_change_of_a_rule_overwrites_nothing(replica, caller):
    service = await replica()
    ann, bob = caller(service), caller(service)
    made = (await ann.CreateRule(rule())).rule
    await ann.UpdateRule(rule_change(made, patterns=["fp.pipelines.>"], expected_revision=made.revision))
    with pytest.raises(Aborted) as caught:
        await bob.UpdateRule(rule_change(made, min_severity=WARNING, expected_revision=made.revision))
    assert (caught.value.reason, caught.value.metadata["changed_by"]) == ("REVISION_CHANGED", "admin-of-alpha")
    (found,) = (await ann.ListRules(pb.ListRulesRequest())).rules
    assert (list(found.patterns), found.min_severity) == (["fp.pipelines.>"], INFO)
    again = rule_change(found, min_severity=WARNING, expected_revision=found.revision)
    assert (await bob.UpdateRule(again)).rule.revision == found.revision + 1
    with pytest.raises(Aborted, match="was changed meanwhile by admin-of-alpha"):
        await ann.DeleteRule(pb.DeleteRuleRequest(id=made.id, expected_revision=found.revision))
    # Without an expectation the last change stands.
    last = (await ann.UpdateRule(rule_change(made))).rule
    assert last.min_severity == INFO
    await ann.DeleteRule(pb.DeleteRuleRequest(id=made.id, expected_revision=last.revision))


async def test_a_rule_that_is_made_twice_with_one_key_is_made_once(replica, caller):
    admin = caller(await replica())
    made = [(await admin.CreateRule(rule(idempotency_key="k"))).rule for _ in range(2)]
    assert made[0] == made[1]
    assert len((await admin.ListRules(pb.ListRulesRequest())).rules) == 1


async def test_a_team_has_at_most_a_hundred_rules(replica, caller):
    admin = caller(await replica())
    for number in range(100):
        await admin.CreateRule(rule(name=f"rule-{number}"))
    with pytest.raises(FailedPrecondition) as caught:
        await admin.CreateRule(rule())
    assert caught.value.reason == "TOO_MANY_RULES"


async def test_bad_rules_name_the_field(replica, caller, receiver):
    admin = caller(await replica())
    assert await field_of(admin.CreateRule(rule(name=" "))) == "name"
    assert await field_of(admin.CreateRule(rule(patterns=["fp.>", "fp.inference.failed"]))) == "patterns[1]"
    assert await field_of(admin.CreateRule(rule(patterns=["fp.audit.>"]))) == "patterns[0]"
    assert await field_of(admin.CreateRule(rule(channels=[9]))) == "channels[0]"
    assert await field_of(admin.CreateRule(rule(channels=[WEBHOOK]))) == "target"
    assert (
        await field_of(admin.CreateRule(rule(channels=[WEBHOOK], target="https://127.0.0.1.nip.invalid/"))) == "target"
    )
    assert await field_of(admin.CreateRule(rule(min_severity=8))) == "min_severity"


async def test_a_rules_secret_and_test_are_for_who_may_write_rules(replica, caller, receiver):
    service = await replica()
    admin, viewer = caller(service), caller(service, "viewer")
    rule_id = (await admin.CreateRule(rule(channels=[WEBHOOK], target=receiver.url))).rule.id
    assert (await admin.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=rule_id))).secret.startswith("whsec_")
    tested = await admin.TestChannel(pb.TestChannelRequest(channel=WEBHOOK, rule_id=rule_id))
    assert tested.status == pb.DELIVERY_STATUS_DELIVERED
    for call in (
        viewer.GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=rule_id)),
        viewer.TestChannel(pb.TestChannelRequest(channel=WEBHOOK, rule_id=rule_id)),
    ):
        with pytest.raises(PermissionDenied):
            await call
    with pytest.raises(NotFound):
        await caller(service, team="beta").GetWebhookSecret(pb.GetWebhookSecretRequest(rule_id=rule_id))


async def test_a_job_has_no_notifications(replica, caller):
    with pytest.raises(PermissionDenied):
        await caller(await replica(), "job").GetPreferences(pb.GetPreferencesRequest())


async def test_bad_reads_name_the_field(replica, caller):
    viewer = caller(await replica(), "viewer")
    assert await field_of(viewer.ListNotifications(pb.ListNotificationsRequest(event_type_filter="x"))) == (
        "event_type_filter"
    )
    assert await field_of(viewer.GetNotification(pb.GetNotificationRequest(id="1"))) == "id"
    assert await field_of(viewer.MarkRead(pb.MarkReadRequest())) == "ids"
    assert await field_of(viewer.MarkRead(pb.MarkReadRequest(ids=[new_id(), "x"]))) == "ids[1]"
    assert await field_of(viewer.MarkRead(pb.MarkReadRequest(ids=[new_id()] * 1001))) == "ids"
    assert await field_of(viewer.ListDeliveryAttempts(pb.ListDeliveryAttemptsRequest(status=44))) == "status"
    assert await field_of(viewer.ListDeliveryAttempts(pb.ListDeliveryAttemptsRequest(channel=9))) == "channel"
    with pytest.raises(NotFound):
        await viewer.GetNotification(pb.GetNotificationRequest(id=new_id()))


def personal_calls(stub, url):
    return (
        stub.UpdatePreferences(pb.UpdatePreferencesRequest(channels=[hook(url)])),
        stub.GetWebhookSecret(pb.GetWebhookSecretRequest()),
        stub.TestChannel(pb.TestChannelRequest(channel=IN_APP)),
    )


async def test_a_key_for_something_else_reads_and_changes_no_preferences(replica, caller, receiver):
    """A key for predictions, in every client, could once send all events of a team to a webhook of its holder."""
    narrow = caller.key(await replica(), "predictions:create", role="viewer")
    for call in (
        *personal_calls(narrow, receiver.url),
        narrow.GetPreferences(pb.GetPreferencesRequest()),
        narrow.MarkRead(pb.MarkReadRequest(mark_all=True)),
    ):
        with pytest.raises(PermissionDenied) as refused:
            await call
        assert refused.value.reason == "PERMISSION_MISSING"


async def test_a_key_that_reads_notifications_leaves_no_webhook_behind(replica, caller, receiver):
    reader = caller.key(await replica(), "notifications:read", role="viewer")
    assert not (await reader.GetPreferences(pb.GetPreferencesRequest())).preferences.channels[0].target
    for call in personal_calls(reader, receiver.url):
        with pytest.raises(PermissionDenied) as refused:
            await call
        assert refused.value.reason == "PERMISSION_MISSING"


async def test_a_key_of_a_manager_changes_his_own_preferences(replica, caller, receiver):
    manager = caller.key(await replica(), "notifications:read", "notifications:write", role="admin")
    wanted = pb.UpdatePreferencesRequest(channels=[hook(receiver.url)])
    assert (await manager.UpdatePreferences(wanted)).preferences.channels[0].enabled


async def test_mails_are_refused_without_a_mail_server_and_references_without_the_permission(replica, caller):
    running = await replica()
    admin = caller(running)
    mail = pb.ChannelPreference(channel=pb.NOTIFICATION_CHANNEL_EMAIL, enabled=True)
    for call in (
        admin.UpdatePreferences(pb.UpdatePreferencesRequest(channels=[mail])),
        admin.CreateRule(rule(channels=[pb.NOTIFICATION_CHANNEL_EMAIL], target="team@people.test")),
    ):
        with pytest.raises(FailedPrecondition) as refused:
            await call
        assert refused.value.reason == "MAIL_NOT_CONFIGURED"
    key = caller.key(running, "notifications:read", "notifications:write")
    with pytest.raises(PermissionDenied):
        await key.CreateRule(rule(channels=[WEBHOOK], target="secret://hook"))
    made_with = {"signing_secret": "secret://sign", "headers": {"authorization": "secret://bearer"}}
    with pytest.raises(PermissionDenied):
        await key.CreateRule(rule(channels=[WEBHOOK], target="https://example.com/x", **made_with))
    with pytest.raises(PermissionDenied):
        own = pb.ChannelPreference(channel=WEBHOOK, enabled=True, target="https://example.com/x", **made_with)
        await key.UpdatePreferences(pb.UpdatePreferencesRequest(channels=[own]))
    signed = (await admin.CreateRule(rule(name="signed", channels=[WEBHOOK], target="secret://hook", **made_with))).rule
    assert (signed.signing_secret, dict(signed.headers)) == ("secret://sign", {"authorization": "secret://bearer"})
    made = (await admin.CreateRule(rule(channels=[WEBHOOK], target="secret://hook"))).rule
    assert made.target == "secret://hook"
