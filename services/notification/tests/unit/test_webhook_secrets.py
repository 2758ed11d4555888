import pytest
from fp_kernel import InvalidArgument
from fp_notification.domain.webhook_secrets import WebhookSecrets, check_webhook_secrets


def test_references_are_taken_with_their_headers_in_lower_case():
    found = check_webhook_secrets("secret://sign@3", {"X-Two": "secret://two", "Authorization": "secret://one"}, "")
    assert found == WebhookSecrets("secret://sign@3", (("authorization", "secret://one"), ("x-two", "secret://two")))
    assert found.references == ("secret://sign@3", "secret://one", "secret://two")


@pytest.mark.parametrize(
    ("signing", "headers", "field"),
    [
        ("whsec_in-clear", {}, "channels[0].signing_secret"),
        ("", {"authorization": "Bearer in-clear"}, "channels[0].headers[authorization]"),
        ("", {"Host": "secret://x"}, "channels[0].headers[Host]"),
        ("", {"webhook-signature": "secret://x"}, "channels[0].headers[webhook-signature]"),
        ("", {"a b": "secret://x"}, "channels[0].headers[a b]"),
        ("", {"x": "secret://x", "X": "secret://x"}, "channels[0].headers[X]"),
        ("", {f"x-{number}": "secret://x" for number in range(11)}, "channels[0].headers"),
    ],
)
def test_values_in_clear_and_headers_of_the_platform_are_refused(signing, headers, field):
    with pytest.raises(InvalidArgument) as refused:
        check_webhook_secrets(signing, headers, "channels[0].")
    assert refused.value.fields[0].field == field
