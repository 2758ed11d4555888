"""The certificates of a data folder over time; nothing here waits."""

import stat
from datetime import timedelta

import pytest
from cryptography import x509
from fp_devstack.tls.local import AUTHORITY_LASTS, LEAF_LASTS, STORE_LASTS, LocalCertificates, Wanted, of_store
from fp_testkit.wallclock import MOMENT, StandingClock

AUTH, EDGE = Wanted("auth"), Wanted("edge", ("localhost", "127.0.0.1", "::1"))


@pytest.fixture
def clock():
    return StandingClock(MOMENT)


@pytest.fixture
def certificates(tmp_path, clock):
    return LocalCertificates(tmp_path, (AUTH, EDGE), clock)


def leaf(certificates, noun="auth"):
    return x509.load_pem_x509_certificate(certificates.files(noun).certificate.read_bytes())


def passes(clock, time):
    clock.advance(time.total_seconds())


def test_each_gets_a_certificate_of_the_folders_authority(certificates):
    assert certificates.renew() == ["auth", "edge"]
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    for noun in ("auth", "edge"):
        leaf(certificates, noun).verify_directly_issued_by(authority)
        assert certificates.files(noun).authority.read_bytes() == certificates.authority.read_bytes()


def test_the_key_of_the_authority_is_its_owners_alone(certificates, tmp_path):
    certificates.renew()
    assert stat.S_IMODE((tmp_path / "tls" / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_what_is_good_is_left_alone_also_by_the_next_supervisor(certificates, tmp_path, clock):
    certificates.renew()
    before = leaf(certificates)
    passes(clock, LEAF_LASTS / 2)
    assert certificates.renew() == []
    assert LocalCertificates(tmp_path, (AUTH, EDGE), clock).renew() == []
    assert leaf(certificates) == before


def test_certificates_are_renewed_before_their_end_and_keep_their_authority(certificates, clock):
    certificates.renew()
    before, authority = leaf(certificates), certificates.authority.read_bytes()
    passes(clock, LEAF_LASTS * 0.7)
    assert certificates.renew() == ["auth", "edge"]
    assert leaf(certificates).not_valid_after_utc > before.not_valid_after_utc
    assert leaf(certificates).public_key() != before.public_key()
    assert certificates.authority.read_bytes() == authority


def test_after_a_long_sleep_they_are_renewed_at_once(certificates, clock):
    certificates.renew()
    passes(clock, timedelta(days=30))
    assert certificates.renew() == ["auth", "edge"]
    assert leaf(certificates).not_valid_after_utc > clock.now()


def test_an_authority_near_its_end_is_replaced_and_still_trusted(certificates, clock):
    certificates.renew()
    old = certificates.authority.read_bytes()
    passes(clock, AUTHORITY_LASTS * 0.7)
    assert certificates.renew() == ["auth", "edge"]
    fresh, *trusted = x509.load_pem_x509_certificates(certificates.authority.read_bytes())
    leaf(certificates).verify_directly_issued_by(fresh)
    assert trusted == x509.load_pem_x509_certificates(old)


def test_what_lost_its_key_or_was_cut_is_made_anew(certificates):
    certificates.renew()
    certificates.files("auth").key.unlink()
    certificates.files("edge").certificate.write_text("cut")
    assert certificates.renew() == ["auth", "edge"]


def test_a_start_goes_on_where_the_one_before_died_between_two_files(certificates, tmp_path):
    """A key beside the certificate of another one."""
    stranger = LocalCertificates(tmp_path / "other", (AUTH, EDGE), StandingClock(MOMENT))
    certificates.renew()
    stranger.renew()
    stranger.files("auth").key.replace(certificates.files("auth").key)
    assert certificates.renew() == ["auth"]

    (tmp_path / "other" / "tls" / "ca.key").replace(tmp_path / "tls" / "ca.key")
    assert certificates.renew() == ["auth", "edge"]
    assert certificates.renew() == []

    old = certificates.authority.read_text()
    (tmp_path / "tls" / "ca.key").unlink()
    assert certificates.renew() == ["auth", "edge"]
    assert certificates.authority.read_text().endswith(old)


def test_another_name_of_the_machine_makes_a_new_certificate(certificates, tmp_path, clock):
    certificates.renew()
    moved = LocalCertificates(tmp_path, (AUTH, Wanted("edge", (*EDGE.hosts, "laptop"))), clock)
    assert moved.renew() == ["edge"]
    assert moved.renew() == []


def test_what_is_withdrawn_is_gone_until_it_is_wanted_again(certificates):
    certificates.renew()
    certificates.withdraw("auth")
    assert not certificates.files("auth").folder.exists()
    assert certificates.renew() == ["auth"]


def test_the_certificate_of_a_store_lasts_while_its_program_does_not_look(tmp_path, clock):
    certificates = LocalCertificates(tmp_path, (of_store("nats"),), clock)
    certificates.renew()
    passes(clock, STORE_LASTS / 2)
    assert certificates.renew() == []
    passes(clock, STORE_LASTS / 4)
    assert certificates.renew() == ["nats"]
