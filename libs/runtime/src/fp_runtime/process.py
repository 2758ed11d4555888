"""The process of a service."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fp_runtime.runtime import Runtime
from fp_runtime.settings import ServiceSettings

Settings = TypeVar("Settings", bound=ServiceSettings)


def main(noun: str, settings_class: type[Settings], serve: Callable[[Runtime, Settings], Awaitable[None]]) -> None:
    """Run the service until it is told to stop.

    Exits 2 when a setting is missing or invalid, 1 when the start or a task fails, each with one line that says why.
    """
    raise NotImplementedError
