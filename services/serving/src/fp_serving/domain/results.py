"""Answers that were given before, by what was asked."""

import hashlib
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping

from fp_kernel.tensors import Tensor

# Of an entry beside its bytes: the key, the tensors and their places in dictionaries, roughly.
_ENTRY = 1_024
_SIZES = struct.Struct("<QQQ")


def fingerprint(digest: str, inputs: Mapping[str, Tensor]) -> bytes:
    """Of a request to the model of this digest: the same for the same tensors under the same names, in any order."""
    found = hashlib.sha256(digest.encode())
    for name, tensor in sorted(inputs.items()):
        label = name.encode()
        element = tensor.element.value.encode()
        shape = struct.pack(f"<{len(tensor.shape)}q", *tensor.shape)
        # Lengths before contents, so that no two requests run into each other.
        found.update(_SIZES.pack(len(label), len(element), len(shape)) + label + element + shape)
        found.update(len(tensor.data).to_bytes(8, "little"))
        found.update(tensor.data)
    return found.digest()


class Results:
    """limit: bytes of all answers; beyond them the least recently given go. looked: told whether one was found."""

    def __init__(self, limit: int, *, looked: Callable[[bool], object] = lambda _: None) -> None:
        self._limit = limit
        self._looked = looked
        self._kept: OrderedDict[bytes, tuple[Mapping[str, Tensor], int]] = OrderedDict()
        self.bytes = 0

    def find(self, key: bytes) -> Mapping[str, Tensor] | None:
        found = self._kept.get(key)
        self._looked(found is not None)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: bytes, outputs: Mapping[str, Tensor]) -> None:
        """Nothing when the answer is larger than all of them may be."""
        size = _ENTRY + sum(len(tensor.data) for tensor in outputs.values())
        if size > self._limit or key in self._kept:
            return
        self._kept[key] = (outputs, size)
        self.bytes += size
        while self.bytes > self._limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self.bytes -= gone
