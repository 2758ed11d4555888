import base64
import json

import pytest
from fp_auth.settings import AuthSettings, credentials, encryption_keys
from fp_runtime import InvalidSettings, load

KEY = base64.b64encode(bytes(32)).decode()
HASH = "ab" * 32
GOOD = {
    "FP_DATABASE_URL": "postgresql://localhost/fp_auth",
    "FP_NATS_URL": "nats://localhost:4222",
    "FP_AUTH_ISSUER": "http://localhost:8080",
    "FP_AUTH_KEY_ENCRYPTION_KEY": KEY,
    "FP_AUTH_AUDIT_KEY": KEY,
    "FP_S3_ENDPOINT": "http://localhost:8333",
    "FP_S3_PUBLIC_ENDPOINT": "http://localhost:8333",
    "FP_S3_BUCKET": "forgepoint",
    "FP_S3_ACCESS_KEY": "key",
    "FP_S3_SECRET_KEY": "secret",
}


def set_environment(monkeypatch, **changes: str) -> None:
    for name, value in (GOOD | changes).items():
        monkeypatch.setenv(name, value)


def test_auth_starts_with_its_stores_its_issuer_and_its_key(monkeypatch):
    set_environment(monkeypatch)
    settings = load(AuthSettings)
    assert settings.signing_period.days == 30
    assert credentials(settings.auth_service_credentials) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FP_AUTH_KEY_ENCRYPTION_KEY", "c2hvcnQ="),
        ("FP_AUTH_KEY_ENCRYPTION_KEY", "not base64!"),
        ("FP_AUTH_KEY_ENCRYPTION_KEY", ""),
        ("FP_AUTH_AUDIT_KEY", f"{KEY},{KEY}"),
        ("FP_AUTH_SERVICE_CREDENTIALS", "registry"),
        ("FP_AUTH_SERVICE_CREDENTIALS", "registry=abc"),
        ("FP_AUTH_SIGNING_KEY_DAYS", "0"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(monkeypatch, name, value):
    set_environment(monkeypatch, **{name: value})
    with pytest.raises(InvalidSettings, match=name) as refused:
        load(AuthSettings)
    assert len(value) < 3 or value not in str(refused.value)


def test_a_service_may_have_two_credentials_at_once():
    assert credentials(f"registry={HASH}, registry={'cd' * 32},") == [
        ("registry", bytes.fromhex(HASH)),
        ("registry", bytes.fromhex("cd" * 32)),
    ]


def test_an_encryption_key_can_be_followed_by_the_one_it_replaces():
    assert encryption_keys(f"{KEY},{KEY}") == [bytes(32), bytes(32)]


ISSUER = {
    "name": "corp",
    "title": "Corp",
    "issuer": "https://id.example",
    "client_id": "fp",
    "rules": [{"claim": "groups", "value": "ml", "team": "vision", "role": "engineer"}],
}
WORKLOAD = {
    "name": "ci",
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "forgepoint",
    "matches": {"repository": "acme/models"},
    "team": "vision",
    "scopes": ["models:write"],
}


def rule(**changes) -> dict[str, object]:
    return {"rules": [ISSUER["rules"][0] | changes]}


def test_other_issuers_are_lists_of_settings(monkeypatch):
    set_environment(monkeypatch, FP_AUTH_ISSUERS=json.dumps([ISSUER]), FP_AUTH_WORKLOADS=json.dumps([WORKLOAD]))
    settings = load(AuthSettings)
    assert settings.auth_issuers[0].policy.rules[0].team == "vision"
    assert settings.auth_workloads[0].trust.life.total_seconds() == 900


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://id.example"},
        {"rules": []},
        {"scopes": ["email"]},
        {"name": "Corp"},
        {"colour": "red"},
        {"ca_file": "/nowhere.pem"},
        rule(value="*", role="operator"),
        rule(value="*", team="platform"),
        rule(role="service"),
        rule(team="a b"),
    ],
)
def test_a_provider_that_would_let_in_too_many_is_refused(monkeypatch, changes):
    set_environment(monkeypatch, FP_AUTH_ISSUERS=json.dumps([ISSUER | changes]))
    with pytest.raises(InvalidSettings, match="FP_AUTH_ISSUERS"):
        load(AuthSettings)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://token.example"},
        {"matches": {}},
        {"matches": {"sub": "*"}},
        {"team": "platform"},
        {"scopes": []},
        {"scopes": ["*:*"]},
        {"scopes": ["platform:admin"]},
        {"scopes": ["users:admin"]},
        {"scopes": ["models:fly"]},
        {"minutes": 16},
    ],
)
def test_a_mapping_that_would_give_a_workload_too_much_is_refused(monkeypatch, changes):
    set_environment(monkeypatch, FP_AUTH_WORKLOADS=json.dumps([WORKLOAD | changes]))
    with pytest.raises(InvalidSettings, match="FP_AUTH_WORKLOADS"):
        load(AuthSettings)


def test_two_providers_do_not_share_a_name(monkeypatch):
    set_environment(monkeypatch, FP_AUTH_ISSUERS=json.dumps([ISSUER, ISSUER]))
    with pytest.raises(InvalidSettings, match="name of its own"):
        load(AuthSettings)


MAILS = {"FP_NOTIFICATION_ADDR": "127.0.0.1:1", "FP_AUTH_PUBLIC_URL": "https://ml.example.com"}


def test_people_register_themselves_only_where_a_team_and_mails_are_set(monkeypatch):
    set_environment(monkeypatch)
    assert not load(AuthSettings).auth_registration_team
    set_environment(monkeypatch, FP_AUTH_REGISTRATION_TEAM="visitors", **MAILS)
    assert load(AuthSettings).auth_registration_team == "visitors"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"FP_AUTH_REGISTRATION_TEAM": "visitors"}, "by mail alone"),
        (MAILS | {"FP_AUTH_REGISTRATION_TEAM": "platform"}, "platform"),
        (MAILS | {"FP_AUTH_REGISTRATION_TEAM": "a b"}, "letters, digits"),
    ],
)
def test_registration_that_could_not_work_or_would_let_in_operators_is_refused(monkeypatch, changes, said):
    set_environment(monkeypatch, **changes)
    with pytest.raises(InvalidSettings, match=said):
        load(AuthSettings)
