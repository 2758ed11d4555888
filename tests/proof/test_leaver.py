"""What somebody does ends within a second of his disabling."""

from leaver import leave, leaver  # noqa: F401 -- a fixture is found by its name

PROMISED = 1.0


async def test_streams_and_training_of_a_disabled_person_end_within_a_second(
    channel,
    admin_token,
    leaver,  # noqa: F811
):
    took = await leave(leaver, channel, admin_token)

    print({name: f"{seconds:.3f} s" for name, seconds in took.items()})
    assert max(took.values()) <= PROMISED
