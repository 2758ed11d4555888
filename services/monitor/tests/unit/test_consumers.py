"""Which events reach monitor."""

import pytest
from fp_monitor.api.consumers import API_KEYS


@pytest.mark.parametrize("ended", ["fp.auth.apikey.revoked", "fp.auth.apikey.rotated"])
def test_a_key_that_was_revoked_or_rotated_is_forgotten_at_once(ended):
    assert ended in API_KEYS.subjects
