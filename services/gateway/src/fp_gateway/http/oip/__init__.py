"""The Open Inference Protocol v2 over HTTP, with its binary extension."""
