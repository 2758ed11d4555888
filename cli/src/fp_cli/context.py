"""Where platforms are and who we are there: contexts with names in one file, readable by its owner alone."""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from fp_kernel import FailedPrecondition, NotFound, invalid

FIRST: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Context:
    """address: gRPC of the platform. http_address: its HTTP. nats_url: the bus, for operators. ca_file: authority of
    its certificate. All may be empty.
    """

    address: str = ""
    http_address: str = ""
    nats_url: str = ""
    data_folder: str = ""
    email: str = ""
    access_token: str = ""
    refresh_token: str = ""
    # Unix seconds after which the access token is worth nothing.
    expires_at: float = 0.0
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Contexts:
    """current: the one that commands use unless they name another; empty when it was deleted."""

    current: str = FIRST
    by_name: Mapping[str, Context] = field(default_factory=dict)


def path() -> Path:
    root = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(root) / "forgepoint" / "context.json"


def everything() -> Contexts:
    """Raises FailedPrecondition naming the file when it cannot be read."""
    try:
        document = json.loads(path().read_text())
        if "contexts" not in document:
            # Before there were several, the file was one.
            return Contexts(FIRST, {FIRST: _context(document)})
        return Contexts(str(document["current"]), {name: _context(one) for name, one in document["contexts"].items()})
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise FailedPrecondition(
            f"{path()} cannot be read: {type(error).__name__}",
            metadata={"next_step": "delete the file and log in again"},
        ) from None


def load(name: str = "", *, new: bool = False) -> Context:
    """The named context, else the current one; an empty one where none is current.

    Raises NotFound for a name that is not there, unless it may be a new one.
    """
    known = everything()
    if name and name not in known.by_name and not new:
        step = {
            "next_step": "`fp context list` shows which there are; `fp login --context NAME --address ...` makes one"
        }
        raise NotFound(f"there is no context {name}", metadata=step)
    return known.by_name.get(name or known.current, Context())


def name_of(name: str = "") -> str:
    """This one, else that of the current one; empty where none is current."""
    known = everything()
    return name or (known.current if known.current in known.by_name else "")


def save(context: Context, name: str = "") -> str:
    """Store it under this name, else as the current one; answers its name. The first one becomes the current one.

    For who holds `locked()`.
    """
    known = everything()
    name = name or known.current or FIRST
    if not _NAME.fullmatch(name):
        raise invalid("context", f"{name!r} is not 1 to 63 letters, digits, dots, dashes and underscores")
    current = known.current if known.current in known.by_name else name
    _write(Contexts(current, {**known.by_name, name: context}))
    return name


def update(name: str = "", **changes: str | float) -> Context:
    """Change some of it; answers the new context."""
    with locked():
        context = replace(load(name), **changes)  # type: ignore[arg-type]
        save(context, name)
    return context


def use(name: str) -> None:
    """Make it the current one. Raises NotFound."""
    with locked():
        load(name)
        _write(replace(everything(), current=name))


def delete(name: str) -> None:
    """Forget it with its login. Raises NotFound."""
    with locked():
        load(name)
        known = everything()
        rest = {other: context for other, context in known.by_name.items() if other != name}
        _write(Contexts("" if known.current == name else known.current, rest))


def _context(document: Mapping[str, Any]) -> Context:
    known = {field.name for field in fields(Context)}
    return Context(**{key: value for key, value in document.items() if key in known})


def _write(known: Contexts) -> None:
    """Replace the file in one step, so that a command running beside sees the old or the new one whole."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        contexts = {name: asdict(context) for name, context in known.by_name.items()}
        json.dump({"current": known.current, "contexts": contexts}, file, indent=2)
    fresh.replace(target)


@contextmanager
def locked() -> Iterator[None]:
    """One command at a time changes the file; the others wait."""
    target = path().with_name("context.lock")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
