"""A service's rights at the stores, in its own tests: a right that is missing is found there."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fp_devstack.store_access import NatsAccess, StoreAccess

# What the supervisor and `fp events init` do with the operator's login before a service starts.
_MAKING: Final = ("STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.INFO.*", "CONSUMER.CREATE.>", "CONSUMER.DELETE.>")
_OF_SERVICE: Final = re.compile(r"/services/(\w+)/tests/")


def access_for(test: Path) -> "StoreAccess | None":
    """What the service may do whose tests these are; None for tests of nobody, which may do everything."""
    if not (noun := noun_of(test)):
        return None
    from fp_devstack.supervisor.catalog import SERVICES

    return next((service.access for service in SERVICES if service.noun == noun), None)


def noun_of(test: Path) -> str:
    """Of the service whose tests these are; empty for tests of nobody."""
    found = _OF_SERVICE.search(test.as_posix())
    return found[1] if found else ""


def making_streams(access: "NatsAccess") -> "NatsAccess":
    """The same, for a server on which nobody has made streams and durables yet: the service makes them itself."""
    making = (f"$JS.API.{verb}" for verb in (*_MAKING, "CONSUMER.INFO.>"))
    return replace(access, publish=(*access.publish, *making), deny_publish=())
