"""Somebody brings a model of his own, with nothing but the `fp` command."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fp_cli.address import host_of, is_loopback
from fp_kernel import FailedPrecondition
from fp_supervisor import Access
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fp_flights import pipelines
from fp_flights.features import COLUMNS
from fp_flights.flights import Flights
from fp_flights.story.narrator import Narrator
from fp_flights.training import OPSET, rename

NAME = "my-delay-model"
NUMBERS = ("hour", "distance", "temp", "visib")


async def bring(access: Access, narrator: Narrator, flights: Flights) -> int:
    """Register, deploy and call a model by `fp` alone; answers how many predictions were made."""
    with _terminal(access, narrator) as terminal:
        (terminal.folder / "model.onnx").write_bytes(await asyncio.to_thread(_model, flights))
        (terminal.folder / "deploy.json").write_text(json.dumps(pipelines.deployment()))
        await terminal.fp("login", "--email", access.email)
        await terminal.fp("whoami")
        registered = await terminal.fp("models", "register", NAME, "model.onnx", "--columns", ",".join(NUMBERS))
        version = str(registered["version"])
        await terminal.fp("pipelines", "apply", "deploy.json")
        inputs = ("--input", f"model={NAME}", "--input", f"version={version}")
        await terminal.fp("pipelines", "trigger", pipelines.deployment()["name"], *inputs, "--watch")
        row = [round(float(flights.features[0, COLUMNS.index(name)]), 2) for name in NUMBERS]
        await terminal.fp("predict", NAME, "--input", f"features={json.dumps([row])}")
    return 1


async def lineage(access: Access, narrator: Narrator, version: str) -> None:
    """What led to a version and what came of it, as anybody would ask for it. version: `<model>@<version>`."""
    with _terminal(access, narrator) as terminal:
        await terminal.fp("login", "--email", access.email)
        shown = await terminal.text("lineage", version)
        narrator.console.print(shown, markup=False, soft_wrap=True)


@contextmanager
def _terminal(access: Access, narrator: Narrator) -> Iterator["Terminal"]:
    with tempfile.TemporaryDirectory(prefix="fp-own-model-") as folder:
        yield Terminal(Path(folder), access, narrator)


def _model(flights: Flights) -> bytes:
    """A logistic regression on four numbers: plain, and not ours to judge."""
    columns = [COLUMNS.index(name) for name in NUMBERS]
    known = flights.with_outcome()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known.features[:, columns], known.late)
    onnx_model = convert_sklearn(
        model,
        initial_types=[("features", FloatTensorType([None, len(NUMBERS)]))],
        options={"zipmap": False},
        target_opset=OPSET,
    )
    rename(onnx_model)
    content: bytes = onnx_model.SerializeToString()
    return content


class Terminal:
    """Runs `fp` as a user would, with a home of its own so that nobody's login is touched."""

    def __init__(self, folder: Path, access: Access, narrator: Narrator) -> None:
        self.folder = folder
        self._narrator = narrator
        # To another machine only where somebody asked for it: see `platform.elsewhere`.
        self._plain = () if access.ca_file or is_loopback(host_of(access.address)) else ("--insecure",)
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ},
            "XDG_CONFIG_HOME": str(folder),
            "FP_ADDRESS": access.address,
            "FP_CA_FILE": access.ca_file,
            "FP_PASSWORD": access.password,
        }

    async def fp(self, *arguments: str) -> dict[str, Any]:
        """Run one command; answers the last JSON it printed.

        Raises FailedPrecondition with what it said when it fails.
        """
        return _last_document(await self.text("--output", "json", *arguments))

    async def text(self, *arguments: str) -> str:
        """Run one command; answers what it printed. Raises as `fp` does."""
        shown = " ".join(each for each in arguments if each not in {"--output", "json"})
        self._narrator.say(f"[cyan]$ fp {shown}[/cyan]")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fp_cli", *self._plain, *arguments),
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise FailedPrecondition(f"fp {shown} exited {process.returncode}: {err.decode().strip()}")
        return out.decode()


def _last_document(text: str) -> dict[str, Any]:
    """A command prints one document, `--watch` one a line."""
    try:
        found: dict[str, Any] = json.loads(text or "{}")
    except json.JSONDecodeError:
        found = json.loads(text.splitlines()[-1])
    return found
