"""Chapter four: somebody brings a model of his own, with nothing but the `fp` command."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from fp_devstack.client import Access
from fp_kernel import FailedPrecondition
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fp_flights import pipelines
from fp_flights.data import Flights
from fp_flights.features import COLUMNS
from fp_flights.story.narrator import Narrator
from fp_flights.training import OPSET, rename

NAME = "my-delay-model"
NUMBERS = ("hour", "distance", "temp", "visib")


async def bring(access: Access, narrator: Narrator, flights: Flights) -> str:
    """Register, deploy and call a model by `fp` alone; answers the version."""
    narrator.chapter("4  Bring a model of your own, by `fp` alone")
    with tempfile.TemporaryDirectory(prefix="fp-own-model-") as folder:
        terminal = Terminal(Path(folder), access, narrator)
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
    return version


def _model(flights: Flights) -> bytes:
    """A logistic regression on four numbers: plain, and not ours to judge."""
    columns = [COLUMNS.index(name) for name in NUMBERS]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(flights.features[:, columns], flights.late)
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
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "HOME", "TMPDIR") if name in os.environ},
            "XDG_CONFIG_HOME": str(folder),
            "FP_ADDRESS": access.address,
            "FP_PASSWORD": access.password,
        }

    async def fp(self, *arguments: str) -> dict[str, Any]:
        """Run one command; answers the last JSON it printed.

        Raises FailedPrecondition with what it said when it fails.
        """
        self._narrator.say(f"[cyan]$ fp {' '.join(arguments)}[/cyan]")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fp_cli", "--output", "json", *arguments),
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise FailedPrecondition(f"fp {arguments[0]} exited {process.returncode}: {err.decode().strip()}")
        return _last_document(out.decode())


def _last_document(text: str) -> dict[str, Any]:
    """A command prints one document, `--watch` one a line."""
    try:
        found: dict[str, Any] = json.loads(text or "{}")
    except json.JSONDecodeError:
        found = json.loads(text.splitlines()[-1])
    return found
