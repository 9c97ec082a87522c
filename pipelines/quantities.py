"""Quantities of Kubernetes, compared before a cluster refuses the pod for them."""

from __future__ import annotations

import re
from decimal import Decimal

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.pipelines.task_settings import TaskSettings

_POWERS = "KMGTPE"


def amount(quantity: str) -> Decimal:
    """The quantity as a number: CPUs, or bytes.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = re.fullmatch(r"([0-9.]+)(m|[KMGTPE]i?)?", quantity)
    assert match, quantity
    number, unit = Decimal(match[1]), match[2] or ""
    if unit == "m":
        return number / 1000
    if not unit:
        return number
    return number * (1024 if unit.endswith("i") else 1000) ** Decimal(_POWERS.index(unit[0]) + 1)


def check_limits(name: str, said: TaskSettings) -> None:
    """Refuse a limit below the request, which may come from another place than the limit.

    Raises:
        InputError: there is one.
    """
    for kind, request, limit in (
        ("cpu", said.cpu_request, said.cpu_limit),
        ("memory", said.memory_request, said.memory_limit),
    ):
        if request is not None and limit is not None and amount(limit) < amount(request):
            raise InputError(
                f"{kind}.limit of {name}",
                limit,
                f"at least the request of {request}",
                f"Raise it, or set tasks.{name}.{kind}.request too.",
            )
