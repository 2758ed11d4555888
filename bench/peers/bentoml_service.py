"""BentoML with ONNX Runtime, one worker."""

import os
from typing import Any

import bentoml
import numpy as np
import onnxruntime


class Predictor:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        artifact = os.environ["ARTIFACT"]
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])

    async def predict(self, rows: list[list[float]]) -> dict[str, Any]:
        (probabilities,) = self._session.run(["probabilities"], {"features": np.asarray(rows, dtype=np.float32)})
        return {"probabilities": probabilities.tolist()}


Predictor.predict = bentoml.api(Predictor.predict)  # type: ignore[method-assign]
Served = bentoml.service(workers=1)(Predictor)
