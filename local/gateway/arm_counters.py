"""What Envoy has counted for the arms of a service since each arm's servers were last replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kfp_lifecycle.local.gateway import admin

_QUANTILE = re.compile(r"P(\d+)\([^,()]*,([0-9.]+)\)")


@dataclass(frozen=True)
class ArmCounters:
    """Counters of one arm.

    Attributes:
        requests: that were sent to it.
        answers: by class of status, for example ``2xx``.
        median, slow: latency in milliseconds: the median, and what 95 % stay below; None before the first answer.
        servers, healthy: of its servers, all and those that pass their checks.
    """

    requests: int
    answers: dict[str, int]
    median: float | None
    slow: float | None
    servers: int
    healthy: int


def arm_counters(admin_url: str, namespace: str, arms: Iterable[str], *, timeout: float = 5) -> dict[str, ArmCounters]:
    """Counters by arm, without arms that Envoy does not know.

    Raises:
        OSError: Envoy does not answer.
    """
    names = {arm: f"{namespace}_{arm}" for arm in arms}
    if not names:
        return {}
    pattern = "|".join(map(re.escape, names.values()))
    found = admin.stats(
        admin_url,
        f"^cluster[.]({pattern})[.](upstream_rq_([0-9]xx|total|time)|membership_(total|healthy))$",
        timeout=timeout,
    )
    return {
        arm: _of(found, f"cluster.{name}.")
        for arm, name in names.items()
        if f"cluster.{name}.upstream_rq_total" in found
    }


def _of(found: dict[str, str], prefix: str) -> ArmCounters:
    quantiles = {
        int(name): float(value) for name, value in _QUANTILE.findall(found.get(f"{prefix}upstream_rq_time", ""))
    }
    return ArmCounters(
        requests=_whole(found, f"{prefix}upstream_rq_total"),
        answers={f"{each}xx": _whole(found, f"{prefix}upstream_rq_{each}xx") for each in "2345"},
        median=quantiles.get(50),
        slow=quantiles.get(95),
        servers=_whole(found, f"{prefix}membership_total"),
        healthy=_whole(found, f"{prefix}membership_healthy"),
    )


def _whole(found: dict[str, str], name: str) -> int:
    value = found.get(name, "")
    return int(value) if value.isdecimal() else 0
