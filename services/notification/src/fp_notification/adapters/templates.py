"""The templates by event type, from the file that ships with the package."""

import tomllib
from importlib import resources

from fp_notification.domain.templates import Template, Templates


def load() -> Templates:
    raw = tomllib.loads((resources.files("fp_notification") / "templates.toml").read_text())
    return Templates({event_type: Template(**template) for event_type, template in raw.items()})
