"""Encryption at rest. What is sealed is AES-256-GCM, bound to what it belongs to."""

from fp_sealing.cipher import KEY_BYTES
from fp_sealing.envelope import Envelope
from fp_sealing.key_ring import KeyRing, keys_of_file
from fp_sealing.sealer import NotSealedHere, Sealer

__all__ = ["KEY_BYTES", "Envelope", "KeyRing", "NotSealedHere", "Sealer", "keys_of_file"]
