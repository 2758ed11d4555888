import pytest
from forgepoint.events.v1.events_pb2 import ApiKeyRevoked, ApiKeyRotated, UserCreated
from fp_events import Event
from fp_events.payloads.revocation import ended_keys


@pytest.mark.parametrize(
    ("payload", "dropped"),
    [
        (ApiKeyRevoked(key_id="old"), ["old"]),
        (ApiKeyRotated(key_id="new", replaced_key_id="old"), ["old"]),
        (ApiKeyRotated(key_id="first"), []),
        (UserCreated(user_id="u"), []),
    ],
    ids=["revoked", "replaced", "issued", "another event"],
)
async def test_a_key_that_was_revoked_or_replaced_is_dropped(payload, dropped):
    seen = []
    await ended_keys(seen.append)(Event("fp.auth.apikey.revoked", payload, "red", "r", "s"))
    assert seen == dropped
