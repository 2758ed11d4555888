"""ONNX files, read without the `onnx` package (60 MB of an image and a second of each start) and without a runtime.

What it promises:

- `read_model` reads a file in one pass over pieces of any size, such as those of a download that is being hashed. It
  holds a piece, the names of tensors and, where they are wanted, the nodes; never the weights.
- A file that is no ONNX model, or is made to cost more than a model may, raises `Unreadable`; nothing else is raised.
- `declared` says which tensors it takes and gives, those included that sequences and maps become.
- `refusal` says why the runtime could never serve a model. It is silent where it cannot know: what it refuses, the
  runtime refuses too (tests of `serving` compare both).
"""

from fp_onnx.bundle import Artifact, pack, read_artifact, unpack, warm_up_of, with_warm_up
from fp_onnx.declared import MOST_DEFAULT, declared, map_columns
from fp_onnx.graph import Attribute, Constant, Form, Graph, Model, Node, TensorInfo
from fp_onnx.reader import read_model
from fp_onnx.servable import MAX_FILE_BYTES, refusal
from fp_onnx.wire import Unreadable

__all__ = [
    "MAX_FILE_BYTES",
    "MOST_DEFAULT",
    "Artifact",
    "Attribute",
    "Constant",
    "Form",
    "Graph",
    "Model",
    "Node",
    "TensorInfo",
    "Unreadable",
    "declared",
    "map_columns",
    "pack",
    "read_artifact",
    "read_model",
    "refusal",
    "unpack",
    "warm_up_of",
    "with_warm_up",
]
