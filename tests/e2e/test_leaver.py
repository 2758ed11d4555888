"""Somebody is disabled in the middle of a stream and of a training."""

from leaver import leave, leaver  # noqa: F401 -- a fixture is found by its name


async def test_streams_and_training_of_a_disabled_person_end_and_what_he_made_names_him(
    channel,
    admin_token,
    leaver,  # noqa: F811
):
    await leave(leaver, channel, admin_token)

    await leaver.stays()
