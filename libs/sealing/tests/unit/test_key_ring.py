import base64

import pytest
from fp_kernel.key_encryption import KeyNotHere
from fp_sealing import Envelope, KeyRing, keys_of_file

OLD, NEW = b"o" * 32, b"n" * 32


async def test_a_data_key_is_unwrapped_by_its_key_for_its_context():
    wrapped = await KeyRing([OLD]).wrap(b"d" * 32, b"alpha/db")
    both = KeyRing([NEW, OLD])

    assert wrapped.key_id == KeyRing([OLD]).key_id != both.key_id
    assert await both.unwrap(wrapped, b"alpha/db") == b"d" * 32
    for ring, context in ((both, b"alpha/other"), (KeyRing([NEW]), b"alpha/db")):
        with pytest.raises(KeyNotHere):
            await ring.unwrap(wrapped, context)


def test_a_value_is_opened_by_its_data_key_for_its_context():
    envelope = Envelope()
    key, other = envelope.new_key(), envelope.new_key()
    sealed = envelope.seal(key, b"private", b"alpha/db/1")

    assert envelope.open(key, sealed, b"alpha/db/1") == b"private"
    for wrong in ((other, b"alpha/db/1"), (key, b"alpha/db/2")):
        with pytest.raises(KeyNotHere):
            envelope.open(wrong[0], sealed, wrong[1])


def test_keys_come_from_a_file_of_one_a_line(tmp_path):
    file = tmp_path / "keys"
    file.write_text("\n".join(base64.b64encode(key).decode() for key in (NEW, OLD)))
    assert keys_of_file(file) == [NEW, OLD]
    for wrong in ("", "not base64!", base64.b64encode(b"short").decode()):
        file.write_text(wrong)
        with pytest.raises(ValueError, match="must name a file"):
            keys_of_file(file)
    with pytest.raises(ValueError, match="must name a file"):
        keys_of_file(tmp_path / "nothing")
