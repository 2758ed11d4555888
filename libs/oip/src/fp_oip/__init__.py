"""The Open Inference Protocol v2 over HTTP, with its binary extension: its documents and their answers.

The inference service answers it, and the gateway where there is no edge.
"""
