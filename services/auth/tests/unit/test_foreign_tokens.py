from datetime import UTC, datetime

import pytest
from fp_auth.domain.foreign_tokens import check_id_token, check_token, values_of
from fp_auth.domain.program_sign_in import parse_user_code, user_code
from fp_auth.domain.sign_in import IssuerPolicy, Rule, challenge_of, check_rule, proves
from fp_auth.domain.workloads import Trust
from fp_kernel import InvalidArgument, Unauthenticated

NOW = datetime(2013, 3, 1, tzinfo=UTC)
SECONDS = NOW.timestamp()
GOOD = {"iss": "https://id.example", "aud": "us", "sub": "ada", "iat": SECONDS, "exp": SECONDS + 300, "nonce": "n"}


def check(**changes):
    claims = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return check_id_token(claims, issuer="https://id.example", client_id="us", nonce="n", now=NOW)


def test_a_token_that_says_what_it_must_names_its_subject():
    assert check() == "ada"
    assert check(aud=["us", "others"], azp="us") == "ada"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://id.example/"}, "ISSUER_WRONG"),
        ({"aud": "others"}, "AUDIENCE_WRONG"),
        ({"aud": []}, "AUDIENCE_WRONG"),
        ({"aud": ["us", "others"]}, "AUDIENCE_WRONG"),
        ({"azp": "others"}, "AUDIENCE_WRONG"),
        ({"exp": SECONDS - 61}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"exp": "never"}, "TOKEN_INVALID"),
        ({"exp": 1e300}, "TOKEN_INVALID"),
        ({"iat": None}, "TOKEN_INVALID"),
        ({"iat": SECONDS + 61}, "TOKEN_INVALID"),
        ({"nbf": SECONDS + 61}, "TOKEN_INVALID"),
        ({"nonce": "of another"}, "NONCE_WRONG"),
        ({"nonce": None}, "NONCE_WRONG"),
        ({"sub": ""}, "TOKEN_INVALID"),
        ({"sub": "x" * 256}, "TOKEN_INVALID"),
        ({"sub": 7}, "TOKEN_INVALID"),
    ],
)
def test_each_claim_that_is_wrong_refuses_the_token_with_a_reason(changes, reason):
    with pytest.raises(Unauthenticated) as refused:
        check(**changes)
    assert refused.value.reason == reason


def test_a_workload_needs_no_nonce():
    claims = {key: value for key, value in GOOD.items() if key != "nonce"}
    assert check_token(claims, issuer="https://id.example", audience="us", now=NOW) == "ada"


def test_claims_are_texts_lists_and_parts_of_objects():
    claims = {"groups": ["a", "b", {}], "admin": True, "realm": {"roles": ["c"]}, "x.y": "z"}
    assert values_of(claims, "groups") == {"a", "b"}
    assert values_of(claims, "admin") == {"true"}
    assert values_of(claims, "realm.roles") == {"c"}
    assert values_of(claims, "x.y") == {"z"}
    assert values_of(claims, "missing.part") == frozenset()


def test_the_first_rule_that_fits_decides_and_any_value_needs_the_claim():
    rules = [Rule("groups", "admins", "t", "admin"), Rule("groups", "*", "t", "viewer")]
    policy = IssuerPolicy("corp", "Corp", "https://id.example", rules, longest=NOW - NOW)
    assert policy.rule_for({"groups": ["others", "admins"]}) == rules[0]
    assert policy.rule_for({"groups": ["others"]}) == rules[1]
    assert policy.rule_for({"groups": []}) is None
    assert policy.rule_for({}) is None


def test_an_address_counts_when_somebody_verified_it():
    trusting = IssuerPolicy("corp", "Corp", "https://id.example", (), longest=NOW - NOW, trusts_email=True)
    careful = IssuerPolicy("corp", "Corp", "https://id.example", (), longest=NOW - NOW)
    said = {"email": "a@b.example"}
    assert careful.email_of(said | {"email_verified": True}) == "a@b.example"
    assert careful.email_of(said) == ""
    assert trusting.email_of(said) == "a@b.example"
    assert trusting.email_of(said | {"email_verified": False}) == ""


@pytest.mark.parametrize("rule", [Rule("groups", "*", "t", "operator"), Rule("groups", "*", "platform", "viewer")])
def test_nobody_becomes_operator_or_of_the_platform_by_a_rule_for_anybody(rule):
    with pytest.raises(ValueError, match="need a value"):
        check_rule(rule, "platform")


def test_a_verifier_proves_its_own_challenge_alone():
    verifier = "v" * 43
    assert proves(verifier, challenge_of(verifier))
    assert not proves("w" * 43, challenge_of(verifier))
    assert not proves("short", challenge_of("short"))


def test_a_code_is_read_however_it_is_typed():
    code = user_code(bytes(range(32)))
    assert len(code) == 8
    assert parse_user_code(f" {code[:4].lower()}-{code[4:]} ") == code
    with pytest.raises(InvalidArgument):
        parse_user_code("AEIOUAEI")


def test_a_mapping_fits_when_each_claim_fits_its_pattern():
    def trust(**matches):
        return Trust("ci", "https://id.example", "us", matches, "t", frozenset(), NOW - NOW)

    claims = {"repository": "acme/models", "ref": "refs/heads/main"}
    assert trust(repository="acme/models", ref="refs/heads/*").fits(claims)
    assert not trust(repository="acme/models", ref="refs/tags/*").fits(claims)
    assert not trust(repository="acme/model[s]").fits(claims)
    assert not trust(environment="*").fits(claims)
