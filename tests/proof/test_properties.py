"""Every property with twenty times the examples of `make test`, and others each time."""

import pytest
from fp_testkit.examples import MANY, MANY_PROFILE
from larger_runs import passes

pytestmark = pytest.mark.proof


def test_every_property_holds_for_many_examples():
    passes(MANY, "-m", "hypothesis", f"--hypothesis-profile={MANY_PROFILE}", "libs", "services", "cli", "examples")
