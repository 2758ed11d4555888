"""Where the platform is and who we are there: one file, readable by its owner alone."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from fp_kernel import FailedPrecondition


@dataclass(frozen=True, slots=True)
class Context:
    """address: gRPC of the gateway. http_address: its HTTP. nats_url: the bus, for operators. All may be empty."""

    address: str = ""
    http_address: str = ""
    nats_url: str = ""
    data_folder: str = ""
    email: str = ""
    access_token: str = ""
    refresh_token: str = ""
    # Unix seconds after which the access token is worth nothing.
    expires_at: float = 0.0


def path() -> Path:
    root = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(root) / "forgepoint" / "context.json"


def load() -> Context:
    """Raises FailedPrecondition naming the file when it cannot be read as a context."""
    try:
        document = json.loads(path().read_text())
        known = {field.name for field in fields(Context)}
        return Context(**{key: value for key, value in document.items() if key in known})
    except FileNotFoundError:
        return Context()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise FailedPrecondition(
            f"{path()} cannot be read: {type(error).__name__}",
            metadata={"next_step": "delete the file and log in again"},
        ) from None


def save(context: Context) -> None:
    """Replace the file in one step, so that a command running beside sees the old or the new one whole."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(context), file, indent=2)
    fresh.replace(target)


def update(**changes: str | float) -> Context:
    """Change some of it; answers the new context."""
    context = replace(load(), **changes)  # type: ignore[arg-type]
    save(context)
    return context


@contextmanager
def locked() -> Iterator[None]:
    """One command at a time changes the login; the others wait."""
    target = path().with_name("context.lock")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
