"""The texts by event type, from the file that ships with the package."""

import tomllib
from importlib import resources

from fp_notification.domain.texts import Text, Texts


def load() -> Texts:
    raw = tomllib.loads((resources.files("fp_notification") / "texts.toml").read_text())
    return Texts({event_type: Text(**text) for event_type, text in raw.items()})
