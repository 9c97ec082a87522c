"""Which windows are looked at: cut back from the moment a run stands for, so that a late run and a retry cut alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window, floor_to_grid, format_time, place_in_week

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class WindowPlan:
    """See the module.

    Attributes:
        windows: oldest first, one after the other without a gap.
        recent: how many of the last are tested for drift; performance needs older ones too, whose labels have come.
        complete: how many of the first have all their labels, as far as the label lag says.
    """

    windows: tuple[Window, ...]
    recent: int
    complete: int

    @property
    def newest(self) -> Window:
        """The window just before ``as_of``."""
        return self.windows[-1]

    @property
    def span(self) -> Window:
        """From the first window to the last."""
        return Window(self.windows[0].start, self.windows[-1].end)


def plan_windows(as_of: datetime, length: timedelta, count: int, label_lag: timedelta) -> WindowPlan:
    """The last ``count`` windows before ``as_of``, and before them as many as the label lag spans.

    Windows end at a midnight (UTC) where they are whole days, and else on a multiple of their length, so that two runs
    of the same day, and the calibration windows, cut days alike; rows after the last end wait for a later run.

    Raises:
        InputError: the windows begin before year 1.
    """
    end = floor_to_grid(as_of, length)
    lagging = -(-label_lag // length)
    try:
        windows = tuple(
            Window(end - (back + 1) * length, end - back * length) for back in reversed(range(count + lagging))
        )
    except OverflowError:
        raise InputError(
            "as_of", format_time(as_of), "a moment with room for the windows before it", "Shorten the windows."
        ) from None
    return WindowPlan(windows, count, sum(window.end + label_lag <= end for window in windows))


def phase(window: Window) -> timedelta:
    """Where in the week the window begins, Monday midnight being 0; 0 for whole weeks, which are all alike."""
    return timedelta() if not (window.end - window.start) % WEEK else place_in_week(window.start)
