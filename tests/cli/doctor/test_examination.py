"""Are checks independent, limited in time, and told in order?"""

from __future__ import annotations

import threading
import time

import pytest

from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.cli.doctor import _CLEANING, plan
from kfp_lifecycle.cli.doctor_checks.context import Context
from kfp_lifecycle.cli.doctor_checks.examination import Check, examine
from kfp_lifecycle.cli.doctor_checks.probes import Interrupted, Probes
from kfp_lifecycle.core.diagnosis import Finding, Level, failure, ok
from kfp_lifecycle.core.errors import InputError


def good(name: str, needs: str = "", seconds: float = 0.0) -> Check:
    def run() -> list[Finding]:
        time.sleep(seconds)
        return [ok(name, "well")]

    return Check(name, run, "look", needs, 5)


def bad(name: str, error: Exception) -> Check:
    def run() -> list[Finding]:
        raise error

    return Check(name, run, "look here", seconds=5)


def hanging(name: str, over: threading.Event) -> Check:
    def run() -> list[Finding]:
        over.wait(30)
        return [ok(name, "late")]

    return Check(name, run, "look at it", seconds=0.2)


def test_findings_come_in_the_order_of_the_checks_which_run_at_the_same_time() -> None:
    # None ends before the last has begun.
    all_there = threading.Barrier(20)

    def met(name: str) -> Check:
        def run() -> list[Finding]:
            all_there.wait(60)
            return [ok(name, "well")]

        return Check(name, run, "look", seconds=60)

    found = examine([met(f"c{number}") for number in range(20)])
    assert [(each.name, each.level) for each in found] == [(f"c{number}", Level.OK) for number in range(20)]


def test_an_error_that_a_user_can_cause_becomes_a_failure_with_its_own_fix() -> None:
    [found] = examine([bad("c", InputError("KEY", "x", "a number", "Write 1."))])
    assert (found.level, found.text, found.remedy) == (Level.FAILURE, "KEY='x': expected a number", "Write 1.")


def test_an_error_of_an_adapter_is_told_in_its_words_and_any_other_with_its_type() -> None:
    known, unknown = examine([bad("a", KubernetesError(500, "it broke")), bad("b", KeyError("spec"))])
    assert (known.text, known.remedy) == ("it broke", "look here")
    assert (unknown.text, unknown.level) == ("KeyError: 'spec'", Level.FAILURE)


def test_a_check_that_hangs_fails_after_its_time_and_stops_no_other() -> None:
    over = threading.Event()
    begun = time.monotonic()
    slow, quick = examine([hanging("slow", over), good("quick")])
    assert time.monotonic() - begun < 20
    assert (slow.level, slow.text, slow.remedy) == (Level.FAILURE, "no answer within 0.2 s", "look at it")
    assert quick.level is Level.OK
    over.set()


def test_what_needs_a_failed_check_is_not_made_and_says_so_down_the_whole_chain() -> None:
    made = []
    first = Check("a", lambda: [failure("a", "broken", "mend it")], "look")
    second = Check("b", lambda: made.append(1) or [ok("b", "well")], "look", "a")  # type: ignore[func-returns-value]
    found = list(examine([first, second, good("c", needs="b"), good("d")]))
    assert not made
    assert [each.level for each in found] == [Level.FAILURE, Level.WARNING, Level.WARNING, Level.OK]
    assert (found[1].text, found[1].remedy) == ("not checked, as 'a' failed", "Repair 'a' first.")
    assert found[2].remedy == "Repair 'b' first."


def test_with_the_default_times_no_chain_of_checks_takes_longer_than_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://kfp")
    checks = {check.name: check for check in plan(Context("team"), 30)}
    for check in checks.values():
        seconds, needs = check.seconds, check.needs
        while needs:
            seconds, needs = seconds + checks[needs].seconds, checks[needs].needs
        assert seconds + _CLEANING <= 60, check.name
    assert {check.seconds for check in plan(Context("team"), 2)} == {2}


def test_closing_waits_for_what_exists_and_lets_nothing_new_be_made() -> None:
    probes, inside, go = Probes(), threading.Event(), threading.Event()

    def hold() -> None:
        with probes.holding("a model"):
            inside.set()
            go.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    assert probes.close(0.05) == ["a model"]
    with pytest.raises(Interrupted), probes.holding("another"):
        pass
    with pytest.raises(Interrupted):
        probes.proceed()
    threading.Timer(0.1, go.set).start()
    assert probes.close(10) == []
    thread.join()
