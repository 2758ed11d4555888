from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fp_kernel import NO_COMMAND, Aborted, Principal
from fp_notification.app.update_rule import UpdateRule
from fp_notification.domain.preferences import NewRule, create_rule
from fp_notification.domain.recipients import Channel
from fp_notification.domain.severity import Severity
from fp_testkit.clock import ManualClock

ADMIN = Principal("admin", "alpha", "admin", frozenset(), 0)
WANTED = NewRule(
    "rule", ("fp.models.>",), Severity.INFO, ((Channel.WEBHOOK, "WEBHOOK"),), "https://old.example/its-secret-path"
)


@pytest.mark.parametrize("target", ["https://old.example/...", WANTED.target])
async def test_a_target_that_was_kept_is_not_stored_anew_when_the_rule_has_got_another_meanwhile(target):
    """As it was shown it is no address, and whole it was not checked: it was the present one."""
    seen = create_rule(WANTED, team="alpha", by="ann", now=datetime(2026, 1, 2, tzinfo=UTC))
    moved = replace(
        seen,
        channels=tuple(replace(each, target="https://new.example/path") for each in seen.channels),
        revision=2,
        changed_by="bob",
    )
    saved = []

    async def recipient(*_):
        return seen

    async def lock(*_):
        return moved

    async def save(rule):
        saved.append(rule)

    async def complete(_):
        pass

    @asynccontextmanager
    async def transactions(_):
        yield SimpleNamespace(recipients=SimpleNamespace(lock=lock, save=save), complete=complete)

    update = UpdateRule(transactions, SimpleNamespace(recipient=recipient), SimpleNamespace(), ManualClock())

    with pytest.raises(Aborted, match="was changed meanwhile by bob"):
        await update(ADMIN, seen.id, replace(WANTED, target=target), NO_COMMAND)
    assert not saved
