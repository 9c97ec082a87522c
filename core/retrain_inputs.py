"""What a retrain is asked for by, and its limits, from the texts of a pipeline's parameters or of an event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.release import DEFAULT_ENVIRONMENT, check_environment
from kfp_lifecycle.core.retraining import RETRAIN, Cause, Limits
from kfp_lifecycle.core.window import parse_duration, parse_time, parse_window

DEFAULT_TRIGGER = "drift"
# As many retrains are kept in mind, and no more are needed to know of each limit.
LARGEST_BUDGET = 100
LONGEST_PERIOD = timedelta(days=3660)
_TRIGGER = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_NO_COOLDOWN = ("", "P0D")


def read_cause(
    *,
    model: str,
    window: str,
    environment: str = DEFAULT_ENVIRONMENT,
    trigger: str = DEFAULT_TRIGGER,
    as_of: str = "",
    caller: str = "",
    asked: str = RETRAIN,
    new_labels: int | None = None,
) -> Cause:
    """The cause, if every text can be what it is given for.

    Args:
        window: ``start/end``, or a length and an end; never a length alone, as nothing says when that ends.
        as_of: empty means the window's end.

    Raises:
        InputError: names the first that cannot.
    """
    if not _TRIGGER.fullmatch(trigger):
        expected = "1 to 32 lower-case letters, digits and dashes"
        raise InputError("trigger", trigger, expected, "Write for example drift or evaluation.")
    judged = parse_window(window, datetime.max.replace(tzinfo=UTC)) if "/" in window else None
    if judged is None:
        expected = "the window that was judged, as start/end"
        raise InputError("window", window, expected, "Pass on the output window of monitor as it is.")
    moment = parse_time(as_of, "as_of") if as_of.strip() else judged.end
    return Cause(
        check_model_name(model), check_environment(environment), trigger, judged, moment, caller, asked, new_labels
    )


def read_limits(*, cooldown: str, budget: int, budget_period: str, max_running: int, min_new_labels: int = 0) -> Limits:
    """The limits, if they can be kept.

    Args:
        cooldown, budget_period: ISO 8601 durations; a cooldown may be empty or P0D for none.

    Raises:
        InputError: names the first that cannot.
    """
    wait = timedelta() if cooldown.strip() in _NO_COOLDOWN else parse_duration(cooldown, "cooldown")
    period = parse_duration(budget_period, "budget_period")
    for name, text, found in (("cooldown", cooldown, wait), ("budget_period", budget_period, period)):
        if found > LONGEST_PERIOD:
            raise InputError(name, text, "at most ten years", "Shorten it.")
    for name, number, least, largest in (
        ("budget", budget, 1, LARGEST_BUDGET),
        ("max_running", max_running, 1, LARGEST_BUDGET),
        ("min_new_labels", min_new_labels, 0, 10**12),
    ):
        if not least <= number <= largest:
            raise InputError(name, number, f"a whole number from {least} to {largest}", "Choose one of them.")
    return Limits(wait, budget, period, max_running, min_new_labels)
