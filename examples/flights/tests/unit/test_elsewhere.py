"""The story on a platform that somebody else has started."""

from pathlib import Path

import pytest
from fp_flights.story import own_model, rule
from fp_flights.story.narrator import Narrator
from fp_flights.story.platform import elsewhere, open_platform
from fp_kernel import InvalidArgument

LOGIN = {"FP_EMAIL": "admin@example.com", "FP_PASSWORD": "a password"}


async def test_nothing_is_started_where_an_address_was_given():
    platform = await open_platform(elsewhere("edge:8000", LOGIN, insecure=True), Narrator())

    assert (platform.near, platform.started_here) == (False, False)
    assert (platform.access.address, platform.access.http_url) == ("edge:8000", "http://edge:8000")


@pytest.mark.parametrize("missing", LOGIN)
def test_a_login_that_is_not_given_is_named(missing):
    with pytest.raises(InvalidArgument, match=f"{missing}: is missing"):
        elsewhere("edge:8000", LOGIN | {missing: ""})


def test_a_password_goes_in_clear_text_to_another_machine_only_where_that_is_asked_for():
    with pytest.raises(InvalidArgument, match="--insecure allows it"):
        elsewhere("edge:8000", LOGIN)

    assert elsewhere("127.0.0.1:8000", LOGIN).ca_file == ""
    assert elsewhere("edge:8000", {**LOGIN, "FP_CA_FILE": "ca.pem"}).ca_file == "ca.pem"


@pytest.mark.parametrize(("address", "plain"), [("edge:8000", ("--insecure",)), ("127.0.0.1:8000", ())])
def test_the_command_is_told_where_it_may_speak_clear_text(address, plain, tmp_path):
    terminal = own_model.Terminal(tmp_path, elsewhere(address, LOGIN, insecure=True), Narrator())

    assert terminal._plain == plain


async def test_no_webhook_is_asked_for_where_none_could_come():
    """A session that is asked for anything would raise."""
    async with rule.receiving(None, Narrator(), near=False) as receiver:
        assert receiver is None
    await rule.told(Narrator(), receiver, [])


async def test_a_folder_is_taken_for_this_machine(monkeypatch, tmp_path):
    from fp_flights.story import platform  # noqa: PLC0415 -- its functions are replaced

    async def failing(folder: Path) -> bool:
        raise InvalidArgument(f"asked for {folder}")

    monkeypatch.setattr(platform, "ensure", failing)
    with pytest.raises(InvalidArgument, match="asked for"):
        await open_platform(tmp_path, Narrator())
