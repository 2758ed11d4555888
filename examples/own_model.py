"""A small model of one's own: will a flight be late, by its hour and distance? Writes an ONNX file.

The data is made up: flights after 15:00 are late. `make demo` learns from the real ones.
"""

import sys
from pathlib import Path

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rows = np.random.default_rng(0).uniform([0, 100], [24, 3000], (2000, 2)).astype(np.float32)
late = rows[:, 0] > 15  # noqa: PLR2004 -- the hour of the sentence above
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, late)

onnx = convert_sklearn(
    model,
    initial_types=[("features", FloatTensorType([None, 2]))],
    options={"zipmap": False},  # probabilities as a tensor, not as a list of dictionaries
    target_opset=17,
)
Path(sys.argv[1]).write_bytes(onnx.SerializeToString())
