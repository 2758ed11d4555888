import hashlib

from fp_auth.domain.credentials import matches

GOOD, OTHER = (hashlib.sha256(secret).digest() for secret in (b"good-secret", b"other-secret"))


def test_a_secret_matches_any_of_the_hashes_that_are_good():
    assert matches("good-secret", [OTHER, GOOD])
    assert not matches("bad-secret", [OTHER, GOOD])


def test_an_unknown_service_matches_nothing_not_even_an_empty_secret():
    assert not matches("good-secret", [])
    assert not matches("", [])
    assert not matches("", [hashlib.sha256(b"").digest()])
