"""Cron texts as KFP takes them: six fields, the seconds first."""

from __future__ import annotations

import re

from kfp_lifecycle.core.errors import InputError

_MONTHS = {
    **{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6},
    **{"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12},
}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("seconds", 0, 59, {}),
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("days of the month", 1, 31, {}),
    ("months", 1, 12, _MONTHS),
    ("days of the week", 0, 6, _DAYS),
)
_DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_PART = re.compile(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d+))?")


def checked_cron(text: str) -> str:
    """The text with single spaces, if it is one that KFP reads as croniter does.

    Raises:
        InputError: it is none, or has five fields. KFP takes five as seconds, minutes, hours, days and months, so that
            ``0 3 * * *`` runs every hour; as that is hardly ever meant, it is refused here.
    """
    if text.strip() in _DESCRIPTORS:
        return _DESCRIPTORS[text.strip()]
    fields = text.split()
    if len(fields) == 5:
        raise InputError("cron", text, "six fields", f"KFP counts seconds first: write '0 {' '.join(fields)}'.")
    if len(fields) != 6:
        raise InputError("cron", text, "six fields, seconds first", "Write for example '0 0 3 * * *' for 3:00 UTC.")
    for field, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, least, most, names) for part in field.split(",")):
            raise InputError("cron", text, f"{name} from {least} to {most}, not {field!r}", "Use numbers and * , - /.")
    return " ".join(fields).replace("?", "*")


def _is_part(text: str, least: int, most: int, names: dict[str, int]) -> bool:
    match = _PART.fullmatch(text)
    if match is None:
        return False
    begin, end, step = match.groups()
    if step is not None and int(step) < 1:
        return False
    if begin in ("*", "?"):
        return end is None
    values = [names.get(value.lower(), int(value) if value.isdecimal() else -1) for value in (begin, end or begin)]
    return least <= values[0] <= values[1] <= most
