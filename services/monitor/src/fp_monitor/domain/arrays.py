"""numpy, imported when the first array is needed: a monitor that compares nothing yet does without its 13 MiB."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    ArrayLike = npt.ArrayLike
else:
    Integers = Floats = Flags = ArrayLike = Any

    class _Numpy:
        """Stands for the module; keeps what was asked for once."""

        def __getattr__(self, name: str) -> Any:
            import numpy  # noqa: ICN001, PLC0415 -- the name by which all others know it is this object's

            value = getattr(numpy, name)
            setattr(self, name, value)
            return value

    np = _Numpy()

__all__ = ("ArrayLike", "Flags", "Floats", "Integers", "np")
