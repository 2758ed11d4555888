"""Whether an uploaded ONNX file can ever be served."""

from collections.abc import Iterable

from fp_onnx import MAX_FILE_BYTES, Unreadable, read_model, refusal


def onnx_flaw(pieces: Iterable[bytes], size_bytes: int) -> str:
    """What is wrong with the file, for people; empty when a runtime may serve it. It may leave pieces unread."""
    if size_bytes > MAX_FILE_BYTES:
        return f"the uploaded artifact has {size_bytes} bytes, an ONNX file has at most {MAX_FILE_BYTES}"
    try:
        flaw = refusal(read_model(pieces, with_nodes=False))
    except Unreadable as error:
        return f"the uploaded artifact is no ONNX model: {error}"
    return f"the uploaded model cannot be served: it {flaw}" if flaw else ""
