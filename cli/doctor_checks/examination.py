"""Checks run at the same time, each for a limited time, and their findings in the order of the list."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from kfp_lifecycle.adapters.counter_errors import CounterError
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.adapters.registry_probe import RegistryRefusal
from kfp_lifecycle.core.diagnosis import Finding, Level, failure, warning
from kfp_lifecycle.core.errors import InputError

# Their messages say what happened; any other error is told with its type.
_SPEAKING = (KubernetesError, KfpError, CounterError, RegistryRefusal, ConnectionError)


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        run: what it finds; may raise.
        remedy: what to look at when it raises or does not end.
        needs: the name of an earlier check, without whose success this one cannot be made.
        seconds: how long it may take.
    """

    name: str
    run: Callable[[], list[Finding]]
    remedy: str
    needs: str = ""
    seconds: float = 20.0


@dataclass
class _Outcome:
    """What a check found, or the error that ended it: for a doctor an error is a finding, whatever it is."""

    check: Check
    findings: list[Finding] = field(default_factory=list)

    def __enter__(self) -> _Outcome:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if isinstance(error, Exception):
            self.findings = [_told(self.check, error)]
            return True
        return False


def examine(checks: Sequence[Check]) -> Iterator[Finding]:
    """The findings of all checks, in their order, each as soon as those before it are known.

    A check whose time is over is left behind in its thread, which ends with the process.
    """
    answers: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
    found: dict[str, list[Finding]] = {}
    deadlines: dict[str, float] = {}
    for check in checks:
        while check.name not in found:
            _start(checks, found, deadlines, answers)
            if check.name not in found:
                _wait(checks, found, deadlines, answers)
        yield from found[check.name]


def _start(
    checks: Sequence[Check],
    found: dict[str, list[Finding]],
    deadlines: dict[str, float],
    answers: queue.SimpleQueue[_Outcome],
) -> None:
    """Start what can be started, and find that the rest of what failed cannot."""
    for check in checks:
        if check.name in deadlines or (check.needs and check.needs not in found):
            continue
        if check.needs and _failed(found[check.needs]):
            text = f"not checked, as {check.needs!r} failed"
            found.setdefault(check.name, [warning(check.name, text, f"Repair {check.needs!r} first.")])
            continue
        deadlines[check.name] = time.monotonic() + check.seconds
        threading.Thread(target=_run, args=(check, answers), name=f"doctor {check.name}", daemon=True).start()


def _run(check: Check, answers: queue.SimpleQueue[_Outcome]) -> None:
    with _Outcome(check) as outcome:
        outcome.findings = check.run()
    answers.put(outcome)


def _wait(
    checks: Sequence[Check],
    found: dict[str, list[Finding]],
    deadlines: dict[str, float],
    answers: queue.SimpleQueue[_Outcome],
) -> None:
    """Take one answer, or give up the checks whose time is over."""
    running = [check for check in checks if check.name in deadlines and check.name not in found]
    first = min(deadlines[check.name] for check in running)
    try:
        outcome = answers.get(timeout=max(0.0, first - time.monotonic()))
    except queue.Empty:
        for check in running:
            if deadlines[check.name] <= time.monotonic():
                found[check.name] = [failure(check.name, f"no answer within {check.seconds:.0f} s", check.remedy)]
        return
    # An answer that comes too late counts no more.
    found.setdefault(outcome.check.name, outcome.findings)


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level is Level.FAILURE for finding in findings)


def _told(check: Check, error: Exception) -> Finding:
    if isinstance(error, InputError):
        text = f"{error.parameter}={str(error.value)[:200]!r}: expected {error.expected}"
        return failure(check.name, text, error.remedy)
    said = str(error)[:600]
    if not isinstance(error, _SPEAKING):
        said = f"{type(error).__name__}: {said}"
    return failure(check.name, said, check.remedy)
