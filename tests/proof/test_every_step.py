"""Processes that die at every step, also at those within a transaction, which `make test` leaves out."""

import pytest
from fp_testkit.crash import EVERY_STEP
from larger_runs import files_with, passes

pytestmark = pytest.mark.proof


def test_whoever_dies_within_a_transaction_leaves_what_the_death_before_its_commit_leaves():
    passes(EVERY_STEP, *files_with("await kill_at("))
