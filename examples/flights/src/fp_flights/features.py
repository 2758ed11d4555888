"""What is known of a flight when it is scheduled, as columns of one packed tensor."""

from typing import Final

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

CARRIERS: Final = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
ORIGINS: Final = ("EWR", "JFK", "LGA")
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEATHER: Final = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")

COLUMNS: Final = ("hour", "weekday", "carrier", "origin", "distance", *WEATHER)
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {"weekday": WEEKDAYS, "carrier": CARRIERS, "origin": ORIGINS}
CATEGORICAL: Final = tuple(index for index, name in enumerate(COLUMNS) if name in CATEGORIES)

INPUT: Final = "features"
LABELS: Final = ("on_time", "late")
LATE_MINUTES: Final = 15
