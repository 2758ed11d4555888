"""Values that are left out of tensors before these are stored. Shape and element type stay."""

from collections.abc import Collection, Sequence

from fp_kernel.tensors import ElementType, Tensor


def masked(name: str, columns: Sequence[str], tensor: Tensor, hidden: Collection[str]) -> tuple[Tensor, list[str]]:
    """The tensor without the values of what is hidden, and which names that were.

    hidden: names of tensors, or of columns. columns: names of the first elements of a row.
    """
    if name in hidden:
        return _without(tensor, range(tensor.count)), [name]
    places = [place for place, column in enumerate(columns[: tensor.width]) if column in hidden]
    if not places:
        return tensor, []
    width = tensor.width
    cells = [row + place for row in range(0, tensor.count, width) for place in places]
    return _without(tensor, cells), [columns[place] for place in places]


def _without(tensor: Tensor, cells: Sequence[int]) -> Tensor:
    """cells: places in the data; ascending."""
    if tensor.element is ElementType.STRING:
        gone = set(cells)
        parts = []
        for place, (start, end) in enumerate(tensor.spans("data")):
            parts.append(b"\0\0\0\0" if place in gone else tensor.data[start - 4 : end])
        return Tensor(tensor.element, tensor.shape, b"".join(parts))
    size = len(tensor.data) // (tensor.count or 1)
    data = bytearray(tensor.data)
    for cell in cells:
        data[cell * size : (cell + 1) * size] = bytes(size)
    return Tensor(tensor.element, tensor.shape, bytes(data))
