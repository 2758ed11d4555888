"""When a flight was at its gate: the data has the hands of a clock in the destination's zone, without a date."""

from typing import Any

import pandas as pd

# Puerto Rico and the Virgin Islands are not in the list of airports; their clocks agree all year.
MISSING_ZONE = "America/Puerto_Rico"
_DAY = 24 * 60


def of(table: Any, airports: Any) -> Any:
    """Arrival in UTC, one a flight; NaT for one without an outcome.

    table: flights with `scheduled` in UTC. airports: `faa`, `tzone`.
    """
    left = table["scheduled"] + pd.to_timedelta(table["dep_delay"], unit="min")
    zone = table["dest"].map(airports.set_index("faa")["tzone"]).fillna(MISSING_ZONE)
    # By then it has landed, or nearly: the zone's offset is that of the arrival.
    about = left + pd.to_timedelta(table["air_time"], unit="min")
    clock = about.copy()
    for name in zone.unique():
        there = zone == name
        clock[there] = about[there].dt.tz_convert(name).dt.tz_localize(None).dt.tz_localize("UTC")
    read = table["arr_time"] // 100 * 60 + table["arr_time"] % 100
    # What the hands say and what the flight's length lets expect differ by the taxi, so by less than half a day.
    taxi = (read - (clock.dt.hour * 60 + clock.dt.minute) + _DAY / 2) % _DAY - _DAY / 2
    arrival = about + pd.to_timedelta(taxi, unit="min")
    return arrival.where(table["arr_delay"].notna())
