"""FastAPI with ONNX Runtime: a service as one writes it by hand. Served by uvicorn in one process."""

import os
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

_options = onnxruntime.SessionOptions()
_options.intra_op_num_threads = 1
_session = onnxruntime.InferenceSession(os.environ["ARTIFACT"], _options, providers=["CPUExecutionProvider"])


class Asked(BaseModel):
    """rows: of the model's one input."""

    rows: list[list[float]]


async def predict(asked: Asked) -> dict[str, Any]:
    (probabilities,) = _session.run(["probabilities"], {"features": np.asarray(asked.rows, dtype=np.float32)})
    return {"probabilities": probabilities.tolist()}


app = FastAPI()
app.post("/predict")(predict)
