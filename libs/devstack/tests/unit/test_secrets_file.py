import base64
import stat

from fp_devstack.secrets_file import Secrets


def test_a_secret_is_generated_once_and_kept(tmp_path):
    path = tmp_path / "secrets.json"

    assert Secrets(path).token("a") == Secrets(path).token("a")
    assert Secrets(path).token("a") != Secrets(path).token("b")


def test_the_file_is_private(tmp_path):
    path = tmp_path / "secrets.json"
    Secrets(path).token("a")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secrets.json"]


def test_a_key_is_32_bytes_in_base64(tmp_path):
    key = Secrets(tmp_path / "secrets.json").key("cipher")

    assert len(base64.b64decode(key, validate=True)) == 32


def test_a_password_of_letters_is_made_once(tmp_path):
    secrets = Secrets(tmp_path / "s")
    made = secrets.letters("password")

    assert made.isalpha()
    assert made.isascii()
    assert len(made) == 48
    assert Secrets(tmp_path / "s").letters("password") == made
    assert secrets.letters("another") != made
