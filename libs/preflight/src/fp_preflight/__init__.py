"""Asks, before anything is changed, for all that an installation needs, and names what is missing."""

from fp_preflight.faults import faults
from fp_preflight.wanted import Program, read

__all__ = ["Program", "faults", "read"]
