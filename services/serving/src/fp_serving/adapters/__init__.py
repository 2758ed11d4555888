"""ONNX Runtime, the registry, the artifact cache."""
