import pytest
from fp_auth.adapters.sealing import Fingerprints, NotSealedHere, Sealer

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_data_opens_under_its_key_purpose_and_name():
    sealer = Sealer([OLD], "signing-keys")
    sealed = sealer.seal(b"private", "kid-1")
    assert b"private" not in sealed
    assert sealer.open(sealed, "kid-1") == b"private"


@pytest.mark.parametrize(
    ("sealer", "name"),
    [(Sealer([NEW], "a"), "kid"), (Sealer([OLD], "b"), "kid"), (Sealer([OLD], "a"), "other")],
)
def test_another_key_purpose_or_name_does_not_open_it(sealer, name):
    sealed = Sealer([OLD], "a").seal(b"private", "kid")
    with pytest.raises(NotSealedHere):
        sealer.open(sealed, name)


def test_changed_or_foreign_bytes_do_not_open():
    sealer = Sealer([OLD], "a")
    sealed = bytearray(sealer.seal(b"private", "kid"))
    sealed[-1] ^= 1
    for data in (bytes(sealed), b"", b"\x01", b"\x02" + bytes(sealed)[1:]):
        with pytest.raises(NotSealedHere):
            sealer.open(data, "kid")


def test_the_key_can_be_replaced_while_the_old_one_still_opens():
    sealed = Sealer([OLD], "a").seal(b"private", "kid")
    both = Sealer([NEW, OLD], "a")
    assert both.open(sealed, "kid") == b"private"
    assert Sealer([NEW], "a").open(both.seal(b"x", "kid"), "kid") == b"x"


def test_a_fingerprint_means_nothing_without_the_key():
    assert Fingerprints(OLD)(b"body") == Fingerprints(OLD)(b"body")
    assert Fingerprints(OLD)(b"body") != Fingerprints(NEW)(b"body")


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32"):
        Sealer([b"short"], "a")
