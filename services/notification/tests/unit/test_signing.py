import json
from datetime import timedelta

import pytest
from fp_kernel import new_id
from fp_notification.domain.signing import Secrets, derived
from fp_sealing import Sealer
from fp_testkit.wallclock import real_now
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRETS = Secrets(b"k" * 32)
BODY = json.dumps({"type": "fp.models.drift.detected", "data": {"title": "Träge"}}).encode()


def signed(at=None):
    return SECRETS.headers("one", new_id(), at or real_now(), BODY)


def test_the_public_library_verifies_a_message():
    assert Webhook(SECRETS.secret("one")).verify(BODY, signed()) == json.loads(BODY)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-signature"])
def test_a_message_whose_headers_were_changed_is_refused(change):
    headers = signed()
    headers[change] = f"v1,{'A' * 43}=" if change == "webhook-signature" else new_id()
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.secret("one")).verify(BODY, headers)


def test_another_body_another_secret_and_an_old_message_are_refused():
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.secret("one")).verify(BODY + b" ", signed())
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.secret("two")).verify(BODY, signed())
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRETS.secret("one")).verify(BODY, signed(at=real_now() - timedelta(hours=1)))


def test_the_key_is_not_shown_by_accident():
    assert "kkk" not in repr(SECRETS)


def test_a_mail_that_an_earlier_version_sealed_opens():
    sealed = bytes.fromhex("013fbf93a9d44ee43ef46a9de717eb559977a74d4ce4a94aa950f586fe3dfb5a2502546f")
    assert Sealer([derived(b"k" * 32, "mails")]).open(sealed, "mail-1") == b"private"
