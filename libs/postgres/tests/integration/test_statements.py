"""Every statement of this library at 20,000 rows; see docs/how-to/test-sql-statements.md."""

from datetime import UTC, datetime, timedelta

from fp_testkit.statements import check, uses

ROW_ID = "('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
ROWS = "from generate_series(1, 20000) as n"
FILL = (
    f"""
    insert into fp_outbox (id, resource_id, sequence, subject, envelope, headers, held, published_at, created_at)
    select {ROW_ID}, 'r' || n, 1, 'fp.models.registered', '', '{{}}',
           case when n between 19500 and 20000 then 'MODELS' end,
           case when n not between 19000 and 20000 then now() - interval '2 days' end, now() - interval '3 days' {ROWS}
    """,
    f"insert into fp_sequences select 'r' || n, 1 {ROWS}",
    f"insert into fp_inbox select 'consumer-' || n % 3, {ROW_ID}, now() - (20001 - n) * interval '1 minute' {ROWS}",
    f"insert into fp_commands select 't', 'rpc', 'k' || n, '', '', now() - (20001 - n) * interval '1 minute' {ROWS}",
)
SMALL = {"fp_migrations", "fp_sequence_floor"}
NOW = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TABLE = {
    "outbox_publisher._READY": uses("fp_outbox_ready", 50),
    "outbox_publisher._HELD": uses("fp_outbox_held", "MODELS", 50),
    "outbox_publisher._QUEUES": uses("fp_outbox_held"),
    "outbox_publisher._NOTE": uses("fp_outbox_pkey", [1, 2], [None, "MODELS"]),
    "idempotency._CLAIM": uses("fp_commands_pkey"),
    "idempotency._STORED": uses("fp_commands_pkey", "t", "rpc", "k7"),
    "idempotency._COMPLETE": uses("fp_commands_pkey", "t", "rpc", "k7", b""),
    "idempotency_batch._CLAIM": uses("fp_commands_pkey"),
    "idempotency_batch._STORED": uses("fp_commands_pkey", ["t"], ["rpc"], ["k7"]),
    "idempotency_batch._COMPLETE": uses("fp_commands_pkey", ["t"], ["rpc"], ["k7"], [b""]),
    "idempotency_batch._RELEASE": uses("fp_commands_pkey", ["t"], ["rpc"], ["k7"]),
    "inbox._FIRST": uses(""),
    "inbox._FRESH": uses(""),
    "migration._APPLIED": uses("fp_migrations_pkey"),
    "migration._INVALID": uses(""),
    "migration._NOTE": uses(""),
    "outbox._INSERT": uses("fp_sequences_pkey fp_sequence_floor_pkey"),
    "outbox._INSERT_AND_NOTIFY": uses("fp_sequences_pkey fp_sequence_floor_pkey"),
    "retention._CONSUMERS": uses("fp_inbox_age"),
    "retention._INBOX": uses("fp_inbox_age", "consumer-1", DAY, 40),
    "retention._COMMANDS": uses("fp_commands_created", DAY, 40),
    "retention._OUTBOX": uses("fp_outbox_published", DAY, 40),
    "retention._SEQUENCES": uses("fp_sequences_pkey fp_sequence_floor_pkey", "r100", 40, DAY),
    "partitions._THERE": uses(""),
    "backlog._WAITING": uses("fp_outbox_unpublished", "fp.models.registered", 40),
    "relay._TABLES": uses(""),
    "relay._BACKLOG": uses("fp_outbox_ready fp_outbox_held fp_outbox_unpublished"),
    "republication._AGAIN": uses("fp_outbox_pkey", 500, 40, NOW, "", "fp.", at_most=200),
}


async def test_every_statement_keeps_its_index_at_any_size(url):
    await check("fp_postgres", url, TABLE, fill=FILL, small=SMALL)
