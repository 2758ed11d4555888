"""MLServer with ONNX Runtime, in its own process (`parallel_workers` 0)."""

from typing import Any

import mlserver
import onnxruntime
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Onnx(mlserver.MLModel):  # type: ignore[misc]  # it ships no types
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        artifact = self.settings.parameters.uri
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: Any) -> Any:
        row = NumpyCodec.decode_input(payload.inputs[0])
        (probabilities,) = self._session.run(["probabilities"], {"features": row})
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("probabilities", probabilities)]
        )
