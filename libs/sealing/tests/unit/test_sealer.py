import pytest
from fp_sealing import NotSealedHere, Sealer

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_data_opens_under_its_key_and_name():
    sealed = Sealer([OLD]).seal(b"private", "kid-1")
    assert b"private" not in sealed
    assert Sealer([OLD]).open(sealed, "kid-1") == b"private"


@pytest.mark.parametrize(("key", "name"), [(NEW, "kid"), (OLD, "other")])
def test_another_key_or_name_does_not_open_it(key, name):
    sealed = Sealer([OLD]).seal(b"private", "kid")
    with pytest.raises(NotSealedHere):
        Sealer([key]).open(sealed, name)


def test_changed_or_foreign_bytes_do_not_open():
    sealed = bytearray(Sealer([OLD]).seal(b"private", "kid"))
    sealed[-1] ^= 1
    for data in (bytes(sealed), b"", b"\x01", b"\x02" + bytes(sealed)[1:]):
        with pytest.raises(NotSealedHere):
            Sealer([OLD]).open(data, "kid")


def test_the_key_can_be_replaced_while_the_old_one_still_opens():
    sealed = Sealer([OLD]).seal(b"private", "kid")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, "kid") == b"private"
    assert Sealer([NEW]).open(both.seal(b"x", "kid"), "kid") == b"x"


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32"):
        Sealer([b"short"])
