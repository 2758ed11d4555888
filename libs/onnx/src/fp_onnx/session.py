"""A session of ONNX Runtime for an artifact, where the runtime is installed."""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

from fp_kernel import FailedPrecondition
from fp_kernel.ensembles import FIRST

from fp_onnx.bundle import unpack

_ERRORS_ONLY: Final = 4


def opened(content: bytes) -> Any:
    """An `InferenceSession` of one thread. content: a model or a bundle.

    Raises ImportError when onnxruntime is not there, FailedPrecondition when it does not load the model.
    """
    if content.startswith(FIRST):
        raise FailedPrecondition("it is an ensemble, whose steps the platform alone has together")
    # Read when it is loaded: it would give the machine an id in its user's home, and send events to its maker.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 -- who reads files does without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    with tempfile.TemporaryDirectory() as folder:
        # Beside the folder of the files in it, which have names of their own.
        artifact = Path(folder, "artifact")
        artifact.write_bytes(content)
        try:
            file = str(unpack(artifact, Path(folder, "files")))
            return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
            raise FailedPrecondition(f"ONNX Runtime does not load it: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
