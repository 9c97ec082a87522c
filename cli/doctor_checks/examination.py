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
    progress = _Progress(checks)
    for check in checks:
        while check.name not in progress.found:
            progress.start()
            if check.name not in progress.found:
                progress.wait()
        yield from progress.found[check.name]


@dataclass
class _Progress:
    """What is known of each check by its name.

    Attributes:
        deadlines: of those that were started.
        useless: those that failed or were not made, so that what needs them cannot be made either.
    """

    checks: Sequence[Check]
    found: dict[str, list[Finding]] = field(default_factory=dict)
    deadlines: dict[str, float] = field(default_factory=dict)
    useless: set[str] = field(default_factory=set)
    answers: queue.SimpleQueue[_Outcome] = field(default_factory=queue.SimpleQueue)

    def start(self) -> None:
        """Start what can be started, and find that what needs a failed check cannot."""
        for check in self.checks:
            if check.name in self.deadlines or check.name in self.found:
                continue
            if check.needs in self.useless:
                text = f"not checked, as {check.needs!r} failed"
                self.found[check.name] = [warning(check.name, text, f"Repair {check.needs!r} first.")]
                self.useless.add(check.name)
            elif not check.needs or check.needs in self.found:
                self.deadlines[check.name] = time.monotonic() + check.seconds
                thread = threading.Thread(target=_run, args=(check, self.answers), name=f"doctor {check.name}")
                thread.daemon = True
                thread.start()

    def wait(self) -> None:
        """Take one answer, or give up the checks whose time is over."""
        running = [each for each in self.checks if each.name in self.deadlines and each.name not in self.found]
        first = min(self.deadlines[check.name] for check in running)
        try:
            outcome = self.answers.get(timeout=max(0.0, first - time.monotonic()))
        except queue.Empty:
            for check in running:
                if self.deadlines[check.name] <= time.monotonic():
                    self._take(check, [failure(check.name, f"no answer within {check.seconds:g} s", check.remedy)])
            return
        # An answer that comes too late counts no more.
        if outcome.check.name not in self.found:
            self._take(outcome.check, outcome.findings)

    def _take(self, check: Check, findings: list[Finding]) -> None:
        self.found[check.name] = findings
        if any(finding.level is Level.FAILURE for finding in findings):
            self.useless.add(check.name)


def _run(check: Check, answers: queue.SimpleQueue[_Outcome]) -> None:
    with _Outcome(check) as outcome:
        outcome.findings = check.run()
    answers.put(outcome)


def _told(check: Check, error: Exception) -> Finding:
    if isinstance(error, InputError):
        text = f"{error.parameter}={str(error.value)[:200]!r}: expected {error.expected}"
        return failure(check.name, text, error.remedy)
    said = str(error)[:600]
    if not isinstance(error, _SPEAKING):
        said = f"{type(error).__name__}: {said}"
    return failure(check.name, said, check.remedy)
