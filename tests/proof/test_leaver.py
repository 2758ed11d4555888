"""What somebody does ends within a second of his disabling."""

import time

from leaver import leave, leaver  # noqa: F401 -- a fixture is found by its name

PROMISED = 1.0


async def test_streams_and_training_of_a_disabled_person_end_within_a_second(
    channel,
    admin_token,
    leaver,  # noqa: F811
):
    at = {}
    await leave(leaver, channel, admin_token, lambda name: at.setdefault(name, time.monotonic()))

    disabled = at.pop("disabled")
    took = {name: moment - disabled for name, moment in at.items()}
    print({name: f"{seconds:.3f} s" for name, seconds in took.items()})
    assert max(took.values()) <= PROMISED
