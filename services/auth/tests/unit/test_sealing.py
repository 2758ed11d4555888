import pytest
from fp_auth.adapters.sealing import Fingerprints, NotSealedHere, Sealer, derive
from fp_kernel.key_encryption import WrappedKey
from fp_sealing import KeyRing

OLD, NEW = b"o" * 32, b"n" * 32


def test_data_sealed_for_one_purpose_does_not_open_for_another():
    sealed = Sealer([OLD], "a").seal(b"private", "kid")
    assert Sealer([NEW, OLD], "a").open(sealed, "kid") == b"private"
    with pytest.raises(NotSealedHere):
        Sealer([OLD], "b").open(sealed, "kid")


async def test_what_earlier_versions_sealed_and_wrapped_opens():
    """Signing keys, mails and secrets of a running platform are in these forms."""
    sealed = bytes.fromhex("012859066703fd50e4d5cb0b607f662666aa5a47adc6a68d9d5c61c55d34eba414ef88fb")
    assert Sealer([OLD], "signing-keys").open(sealed, "kid-1") == b"private"
    wrapped = bytes.fromhex(
        "91439cf03c8d66f0889658ad325896ec68013cbf5ec97148c41f0e9549904708"
        "ba710b20e8b21038528453399b2725eecaa9c8b6ec6e2199e1127f02"
    )
    ring = KeyRing([derive(OLD, "secrets")])
    assert await ring.unwrap(WrappedKey("eeb51c89e4df3ed7", wrapped), b"ctx") == b"d" * 32


def test_a_fingerprint_means_nothing_without_the_key():
    assert Fingerprints(OLD)(b"body") == Fingerprints(OLD)(b"body")
    assert Fingerprints(OLD)(b"body") != Fingerprints(NEW)(b"body")


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32"):
        Sealer([b"short"], "a")
