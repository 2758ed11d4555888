import jwt
import pytest
from fp_testkit.identity import TestIdentity


def _claims(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_has_the_claims_of_auth(identity):
    claims = _claims(identity.engineer("beta"))

    assert claims.keys() >= {"iss", "aud", "sub", "iat", "exp", "jti", "email", "name", "team", "role", "scopes"}
    assert (claims["team"], claims["role"], claims["aud"]) == ("beta", "engineer", "forgepoint")


def test_a_token_verifies_with_the_published_key(identity):
    key = jwt.PyJWK(identity.jwks["keys"][0])

    verified = jwt.decode(identity.admin(), key, algorithms=["RS256"], audience="forgepoint", issuer=identity.issuer)

    assert verified["scopes"] == ["*:*"]


def test_claims_given_by_a_test_win_and_none_leaves_one_out(identity):
    claims = _claims(identity.viewer(scopes=["models:write"], email=None))

    assert claims["scopes"] == ["models:write"]
    assert "email" not in claims


def test_a_service_belongs_to_no_team_and_a_job_to_one_execution(identity):
    service, job = _claims(identity.service("registry")), _claims(identity.job(execution_id="e1"))

    assert (service["role"], service["team"], service["sub"]) == ("service", "", "registry")
    assert (job["role"], job["execution_id"]) == ("job", "e1")


def test_an_expired_token_is_one_with_a_negative_life(identity):
    key = jwt.PyJWK(identity.jwks["keys"][0])

    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(identity.admin(ttl=-10), key, algorithms=["RS256"], audience="forgepoint")


def test_another_issuer_is_told_apart():
    assert _claims(TestIdentity("https://other.test").admin())["iss"] == "https://other.test"
