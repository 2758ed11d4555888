"""Exit codes in words."""

import signal


def describe(code: int) -> str:
    """code: as `subprocess` gives it: negative for the signal that ended the process."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
