"""What the page for upgrades says of services is what the code says."""

import re
from itertools import pairwise

import pytest
import upgrade


def test_the_page_is_current(tree):
    assert upgrade.is_current(tree.root), "run: python tools/upgrade.py"


def test_a_new_migration_makes_the_page_stale(copied, plant):
    (copied.root / upgrade.PAGE).write_text(upgrade.render(copied.root))
    assert upgrade.is_current(copied.root)

    plant("services/billing/src/fp_billing/migrations/9999_planted.sql", "SELECT 1;\n")

    assert not upgrade.is_current(copied.root)
    assert "`9999_planted`" in upgrade.render(copied.root)


@pytest.mark.parametrize(
    ("calls", "steps"),
    [
        ({"a": {"b"}, "b": set(), "c": {"a"}}, [["b"], ["a"], ["c"]]),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"], ["c"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}, [["b", "c", "d"], ["a"]]),
    ],
    ids=["a chain", "two that call each other", "beside"],
)
def test_who_is_called_comes_before_who_calls(calls, steps):
    assert upgrade.order(calls) == steps


def test_each_service_has_its_step_and_calls_none_of_a_later_one(tree):
    calls = upgrade.services(tree.root)
    steps = {noun: number for number, nouns in enumerate(upgrade.order(calls)) for noun in nouns}

    assert steps.keys() == calls.keys()
    assert [(noun, other) for noun, others in calls.items() for other in others if steps[other] > steps[noun]] == []


def test_a_setting_without_a_default_is_named(tree):
    assert "FP_S3_ENDPOINT" in upgrade.required("monitor")
    assert "FP_S3_ENDPOINT" not in upgrade.required("billing")


def test_migrations_and_decisions_that_the_page_names_exist(tree):
    """And what changed stands with the newest first."""
    text = (tree.root / upgrade.PAGE).read_text()
    named = re.findall(r"[Mm]igrations? ((?:\d{4}(?:, | and )?)+) of (\w+)", text)
    named += re.findall(r"(\d{4}) of (\w+)", text)

    assert len(named) > 10
    for numbers, noun in named:
        folder = tree.root / "services" / noun / "src" / f"fp_{noun}" / "migrations"
        for number in re.findall(r"\d{4}", numbers):
            assert list(folder.glob(f"{number}_*.sql")), f"{noun} has no migration {number}"
    days = re.findall(r"^### (\d{4}-\d{2}-\d{2})", text, re.MULTILINE)
    assert all(later >= earlier for later, earlier in pairwise(days))
