import pytest
from fp_billing.api.consumers import API_KEYS


@pytest.mark.parametrize("ended", ["fp.auth.apikey.revoked", "fp.auth.apikey.rotated"])
def test_a_replica_hears_of_every_way_in_which_a_key_ends(ended):
    assert ended in API_KEYS.subjects
