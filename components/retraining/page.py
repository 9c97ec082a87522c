"""The report of ``start_retrain``: the decision, and the retrains before it."""

from __future__ import annotations

from kfp_lifecycle.adapters.retrains import Retrained
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core.retrain_book import Entry
from kfp_lifecycle.core.window import format_time

_SHOWN = 20


def retrain_page(model: str, environment: str, made: Retrained) -> str:
    """One HTML page, newest retrains first."""
    sections = [html.decision_section(made.decision)]
    if made.run_id:
        run = {"run id": made.run_id, "run name": made.run_name}
        sections.append(html.Section("The run that stands for this window", html.mapping_table(run)))
    if made.entries:
        sections.append(html.Section("Retrains so far", _history(made.entries)))
    asked = {**made.decision.inputs, **({"kept_in": f"ConfigMap {made.book}"} if made.book else {})}
    sections.append(html.Section("What was asked", html.mapping_table(asked)))
    return html.page(f"Retrain of {model} in {environment}", sections)


def _history(entries: tuple[Entry, ...]) -> str:
    newest = sorted(entries, key=lambda each: (each.as_of, each.window), reverse=True)
    rows = [
        [
            _short(format_time(each.as_of)),
            str(each.reservation.outcome or each.reservation.state).lower(),
            " to ".join(map(_short, each.window.split("/"))),
            each.reservation.run_id or "not known yet",
        ]
        for each in newest[:_SHOWN]
    ]
    return html.table(["as of (UTC)", "state", "window", "run"], rows)


def _short(moment: str) -> str:
    """Of a moment in ISO 8601 what a table has room for."""
    return moment.removesuffix("T00:00:00Z").removesuffix("Z").replace("T", " ")
