"""The supervisor's part in certificates, without anything that it starts."""

import asyncio

import pytest
from fp_devstack.supervisor import platform as platforms
from fp_devstack.supervisor.platform import Platform
from fp_testkit.patience import PATIENCE


@pytest.fixture
def notes():
    return []


@pytest.fixture
def platform(tmp_path, notes):
    def build(*, tls):
        return Platform(tmp_path, (), outer={}, preload=(), note=notes.append, tls=tls)

    return build


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_certificates_are_looked_after_while_it_runs_and_a_failure_is_told(platform, notes, monkeypatch):
    monkeypatch.setattr(platforms, "_RENEWAL_POLL_SECONDS", 0.01)
    running = platform(tls=True)
    running._prepare_folder()
    files = running.certificates.files("serving")
    assert files.certificate.exists()

    renewal = asyncio.create_task(running._renew_certificates())
    key = running.certificates.authority.with_name("ca.key")
    good = key.read_text()
    key.write_text("no key")
    await until(lambda: any("could not be renewed" in note for note in notes))
    key.write_text(good)
    files.certificate.unlink()
    await until(files.certificate.exists)
    await until(lambda: "certificates renewed: serving" in notes)
    renewal.cancel()


def test_a_start_in_clear_text_leaves_no_store_a_certificate_that_nobody_renews(platform, tmp_path):
    class Secured:
        secured = ("nats",)

    secure = platform(tls=True)
    secure._prepare_folder()
    plain = platform(tls=False)
    plain.stack = Secured()
    (tmp_path / "tls" / "nats").mkdir()
    plain._prepare_folder()
    assert not (tmp_path / "tls" / "nats").exists()
    assert secure.certificates.authority.exists()
