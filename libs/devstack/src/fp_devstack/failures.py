"""Failures of programs on this machine."""

from fp_kernel.errors import FailedPrecondition, Unavailable


class StoreFailed(Unavailable):
    """A store did not start or did not answer; the message holds the last lines of its log."""


class FolderInUse(FailedPrecondition):
    """Another live process owns the folder."""


class MissingProgram(FailedPrecondition):
    """A store's program is not installed for this platform."""
