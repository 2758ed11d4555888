"""Stand-ins for everything outside of pipeline, over one state, for tests.

With a path the state is stored in a file after each call: what the calls did outlives the process that made them, as
it would in the real world.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fp_kernel import Error, Unavailable

Fault = Callable[[], Error]


def _away() -> Error:
    return Unavailable("away")


def _empty() -> dict[str, Any]:
    return {
        "models": {},
        "archived": {},
        "versions": {},
        "keys": {},
        "splits": {},
        "runtimes": {},
        "jobs": {},
        "objects": {},
        "secrets": {},
        "calls": [],
    }


class World:
    """calls: what was asked, in order. heard: is told the name of each call, when it has been noted."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._state = _empty()
        self._faults: dict[str, tuple[int, Fault]] = {}
        self.heard: Callable[[str], object] = lambda _: None
        if path is not None and path.exists():
            self._state = json.loads(path.read_text())

    def __getitem__(self, name: str) -> dict[str, Any]:
        part: dict[str, Any] = self._state[name]
        return part

    @property
    def calls(self) -> list[str]:
        calls: list[str] = self._state["calls"]
        return calls

    def count(self, call: str) -> int:
        return sum(1 for each in self.calls if each.partition(" ")[0] == call)

    def fail(self, call: str, times: int = 1, fault: Fault = _away) -> None:
        """The next `times` calls of this name fail."""
        self._faults[call] = (times, fault)

    def called(self, call: str, subject: str = "") -> None:
        """Note a call. Raises what `fail` has planned for it."""
        self.calls.append(f"{call} {subject}".rstrip())
        self.save()
        self.heard(call)
        left, fault = self._faults.get(call, (0, _away))
        if left > 0:
            self._faults[call] = (left - 1, fault)
            raise fault()

    def once(self, key: str, change: Callable[[], Any]) -> Any:
        """What the first call with this idempotency key answered."""
        if key not in self["keys"]:
            self["keys"][key] = change()
            self.save()
        return self["keys"][key]

    def save(self) -> None:
        if self._path is not None:
            written = self._path.with_suffix(".new")
            written.write_text(json.dumps(self._state))
            written.replace(self._path)

    def add_version(self, model: str, version: str, *, status: str = "READY", stage: str = "DEV") -> str:
        """A version of a model, and the model when it is new; the id of the version."""
        self["models"].setdefault(model, f"model-{model}")
        version_id = f"{model}-{version}"
        self["versions"][version_id] = {
            "model": model,
            "version": version,
            "status": status,
            "stage": stage,
            "digest": f"sha256:{version_id}",
            "reason": "",
        }
        self.save()
        return version_id

    def production(self, model: str) -> str:
        """Id of the version in PRODUCTION; empty when there is none."""
        found = [
            key for key, each in self["versions"].items() if each["model"] == model and each["stage"] == "PRODUCTION"
        ]
        return found[0] if found else ""
