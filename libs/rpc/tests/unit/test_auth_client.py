"""Credentials that auth is asked about."""

import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_rpc import auth_validator
from fp_rpc.identity.auth_client import principal_of


def claims(**fields):
    return auth_pb2.TokenClaims(
        user_id="u", email="e", team="red", role="engineer", scopes=["models:read"], jti="k", api_key_id="k", **fields
    )


def test_claims_become_a_principal():
    given = claims(name="Ann", execution_id="x")
    given.exp.FromMilliseconds(1_500)

    caller = principal_of(given)

    assert (caller.user_id, caller.team, caller.role, caller.email, caller.name) == ("u", "red", "engineer", "e", "Ann")
    assert (caller.expires_at, caller.api_key_id, caller.execution_id, caller.service) == (1.5, "k", "x", "")


def test_a_key_without_an_end_never_expires():
    assert principal_of(claims()).expires_at == float("inf")


@pytest.mark.parametrize("key", ["fp_abc"])
async def test_auth_is_asked_with_the_credential_itself(key):
    asked = []

    class Channel:
        """Answers every unary call with the same claims."""

        def unary_unary(self, method, **_):
            async def call(request):
                asked.append((method, request.token))
                return auth_pb2.ValidateTokenResponse(claims=claims())

            return call

        unary_stream = stream_unary = stream_stream = unary_unary

    assert (await auth_validator(Channel())(key)).team == "red"
    assert asked == [("/forgepoint.auth.v1.AuthService/ValidateToken", key)]
