"""Every statement of this service at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime
from importlib import resources

from fp_testkit.statements import check, uses

MIGRATIONS = resources.files("fp_notification") / "migrations"
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def row_id(n: int) -> str:
    """What the filling gave row number n."""
    return f"01890000-0000-7000-8000-{n:012x}"


ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
TEAM = "CASE WHEN n % 50 = 2 THEN 'large' ELSE 'team-' || n % 200 END"
PERSON = "CASE WHEN n % 50 = 2 THEN 'ann' ELSE 'user-' || n END"
ROWS = "FROM generate_series(1, 20000) AS n"

# One person of one team has a fiftieth of everything: a page far behind its first must cost what that one does. A host
# in ten waits for a delivery.
FILL = (
    f"""
    INSERT INTO recipients (team, id, kind, name, patterns, muted, created_by, created_at)
    SELECT 'team-' || n % 2000, n::text, CASE WHEN n % 5 = 0 THEN 'RULE' ELSE 'USER' END, n::text, '{{fp.>}}',
           '{{}}', '',
           '2013-03-01' {ROWS}
    """,
    f"""
    INSERT INTO channels (team, recipient, channel, enabled, min_severity, target, secret_id, disabled_reason)
    SELECT 'team-' || n % 2000, n::text, 'WEBHOOK', true, 1, 'https://hooks.test/', 's', '' {ROWS}
    """,
    f"""
    INSERT INTO notifications (id, team, recipient, kind, event_id, event_type, source, resource_id, severity,
           title, body,
                               channels, in_app, created_at, read_at, correlation_id, trace)
    SELECT {ROW_ID}, {TEAM}, {PERSON}, 'USER', {ROW_ID}, 'fp.models.promoted', 'registry', 'm', 1, 't', 'b',
           '{{IN_APP,WEBHOOK}}', true, '2013-03-01', CASE WHEN n % 3 = 0 THEN '2013-03-01'::timestamptz END,
           '', '{{}}' {ROWS}
    """,
    f"""
    INSERT INTO deliveries (notification_id, channel, status, due_at, host, leased_until)
    SELECT {ROW_ID}, 'WEBHOOK', CASE WHEN n % 1000 = 0 THEN 'PENDING' ELSE 'DELIVERED' END, '2013-03-01',
           'host-' || n % 10000, NULL {ROWS}
    """,
    f"""
    INSERT INTO attempts (id, team, recipient, kind, notification_id, channel, status, number, response_code, error,
                          attempted_at)
    SELECT {ROW_ID}, {TEAM}, {PERSON}, CASE WHEN n % 100 = 2 THEN 'RULE' ELSE 'USER' END, {ROW_ID}, 'WEBHOOK',
           'DELIVERED',
           1, 200, '', '2013-03-01' {ROWS}
    """,
    f"INSERT INTO destinations (host) SELECT 'host-' || n {ROWS}",
    f"""
    INSERT INTO floods (team, event_type, resource_id, begins_at, events)
    SELECT 'large', 'fp.models.promoted', n::text, '2013-03-01'::timestamptz + n * interval '1 minute', 1 {ROWS}
    """,
    f"""
    INSERT INTO mails (id, team, template, sealed, status, due_at, created_at, ended_at, correlation_id, trace)
    SELECT {ROW_ID}, {TEAM}, 'INVITATION', '', CASE WHEN n % 1000 = 0 THEN 'PENDING' ELSE 'DELIVERED' END,
           '2013-03-01', '2013-03-01', CASE WHEN n % 1000 > 0 THEN '2013-03-01'::timestamptz END, '', '{{}}' {ROWS}
    """,
)
SMALL = {"destinations"}  # a row a host that had a webhook within the hour
TABLE = {
    "archive._DELETE_FLOODS": uses("floods_pkey"),
    "archive._FORGET_HOSTS": uses("destinations_pkey", "host-1000", 50, at_most=200),
    "archive.PostgresArchive.delete": uses("notifications_pkey", row_id(900), 50),
    "deliveries._WAITING": uses("deliveries_by_host deliveries_leased destinations_pkey", 2, 16, sorts="a few hosts"),
    "deliveries.KNOW": uses(""),
    "deliveries.HOLD": uses("destinations_pkey"),
    "deliveries._CLAIM": uses(
        "channels_pkey deliveries_by_host deliveries_leased deliveries_pkey notifications_pkey recipients_pkey",
        ["host-1000", "host-2000"],
        [False, False],
        2,
        16,
        60.0,
        sorts="two of each host",
    ),
    "deliveries._TAKE": uses("channels_pkey deliveries_pkey notifications_pkey recipients_pkey"),
    "deliveries._CLOSE": uses("deliveries_pkey"),
    "deliveries._ADD": uses(""),
    "deliveries.FAULT": uses("destinations_pkey"),
    "deliveries.TRUST": uses("destinations_pkey"),
    "mails._ADD": uses(""),
    "mails._WAITING": uses("mails_due"),
    "mails._CLAIM": uses("mails_due mails_pkey", 4, 60.0, 4, False),
    "mails._RETRY": uses("mails_pkey"),
    "mails._END": uses("mails_pkey"),
    "mails._DELETE": uses("mails_pkey", row_id(900), 50),
    "reads._AUDIENCE": uses("channels_pkey recipients_pkey", ["team-7"]),
    "reads._RECIPIENT": uses("channels_pkey recipients_pkey", sorts="two channels"),
    "reads._RULES": uses("channels_pkey recipients_rules", "team-5", LAST, 21, sorts="channels of a page"),
    "reads._FEED": (
        uses("notifications_feed", "large", "ann", LAST, False, 1, "", 21),
        uses("notifications_feed", "large", "ann", row_id(15_000), False, 1, "", 21),
    ),
    "reads.UNREAD": uses("notifications_unread", "large", "ann", at_most=1_000),
    "reads._LOG_OF_ONE": uses(
        "attempts_of_notification", "large", "ann", LAST, "", "", 21, row_id(2), sorts="attempts of one notification"
    ),
    "reads.PostgresReads.notification": uses("notifications_pkey"),
    "recipients._ADD": uses(""),
    "recipients._HELD": uses("channels_pkey recipients_pkey", sorts="two channels"),
    "recipients.PostgresRecipients.mark_member": uses("recipients_pkey"),
    "recipients.PostgresRecipients.forget_member": uses("recipients_pkey"),
    "recipients.PostgresRecipients.lock": uses("recipients_pkey"),
    "recipients.PostgresRecipients.save": uses("recipients_pkey"),
    "recipients.PostgresRecipients.save/2": uses("channels_pkey"),
    "recipients.PostgresRecipients.delete_rule": uses("recipients_rules"),
    "recipients.PostgresRecipients.switch_off": uses("channels_pkey"),
    "recipients._add_channels": uses(""),
    "notifications._ADD": uses("notifications_once"),
    "notifications._COUNT": uses("floods_pkey"),
    "notifications._FIND": uses("notifications_once"),
    "attempts._ADD": uses(""),
    "attempts._LAST": uses("attempts_of_notification", row_id(2), "WEBHOOK", sorts="attempts of one notification"),
    "notifications._READ": uses("notifications_pkey notifications_unread", "large", "ann", NOW, [row_id(52)]),
    "notifications._READ_ALL": uses("notifications_unread", "large", "ann", NOW, row_id(9_000), at_most=400),
    "recipients.PostgresRecipients.count_rules": uses("recipients_rules"),
}


async def test_every_statement_keeps_its_index_at_any_size(databases):
    url = await databases.create(MIGRATIONS, service="notification", fresh=True)
    await check("fp_notification", url, TABLE, fill=FILL, small=SMALL)
