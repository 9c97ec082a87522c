"""Knative traffic, as a table of KServe's behaviour and as properties of every history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.local.kserve_controller import knative
from kfp_lifecycle.local.kserve_controller.knative import Revision, Rolled
from kfp_lifecycle.local.kserve_controller.templates import Template


def template(version: int) -> Template:
    return Template(f"digest-{version}", f"file:///models/{version}", (), ())


def history(*ready: bool) -> tuple[Revision, ...]:
    return tuple(
        Revision(f"demo-predictor-{number:05d}", number, template(number), 0.0, ready=one)
        for number, one in enumerate(ready, start=1)
    )


def name(number: int) -> str:
    return f"demo-predictor-{number:05d}" if number else ""


@pytest.mark.parametrize(
    ("situation", "percent", "ready", "rolled", "expected", "rolled_after"),
    [
        ("first deployment, nothing ready", 10, (False,), (0, 0), {}, (0, 0)),
        ("first deployment with 10 takes all", 10, (True,), (0, 0), {1: 100}, (1, 0)),
        ("first deployment without a share", None, (True,), (0, 0), {1: 100}, (1, 0)),
        ("canary not ready yet", 10, (True, False), (1, 0), {1: 100}, (1, 0)),
        ("canary", 10, (True, True), (1, 0), {2: 10, 1: 90}, (1, 0)),
        ("canary moved on", 50, (True, True), (1, 0), {2: 50, 1: 50}, (1, 0)),
        ("promotion by leaving the field out", None, (True, True), (1, 0), {2: 100}, (2, 1)),
        ("promotion by 100", 100, (True, True), (1, 0), {2: 100}, (2, 1)),
        ("roll back with 0 keeps the revision", 0, (True, True), (1, 0), {2: 0, 1: 100}, (1, 0)),
        ("0 after a promotion swings back", 0, (True, True), (2, 1), {2: 0, 1: 100}, (1, 1)),
        ("10 after a promotion swings back too", 10, (True, True), (2, 1), {2: 10, 1: 90}, (1, 1)),
        ("edit during a canary: stable stays", 20, (True, True, True), (1, 0), {3: 20, 1: 80}, (1, 0)),
        ("full rollout of a new revision not ready", None, (True, False), (1, 0), {1: 100}, (1, 0)),
        ("failed canary after a promotion", 10, (True, True, False), (2, 1), {2: 100}, (2, 1)),
    ],
)
def test_the_traffic_is_what_kserve_makes_of_it(
    situation: str,
    percent: int | None,
    ready: tuple[bool, ...],
    rolled: tuple[int, int],
    expected: dict[int, int],
    rolled_after: tuple[int, int],
) -> None:
    revisions = history(*ready)
    targets, after = knative.settle(percent, Rolled(name(rolled[0]), name(rolled[1])), revisions, tag_routing=True)
    newest = knative.latest_ready(revisions)
    shares = dict(knative.shares(targets, newest)) if newest else {}
    assert shares == {name(number): share for number, share in expected.items()}, situation
    assert after == Rolled(name(rolled_after[0]), name(rolled_after[1])), situation


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("spec"), st.integers(1, 4)),
            st.tuples(st.just("percent"), st.one_of(st.none(), st.integers(0, 100))),
            st.tuples(st.just("ready"), st.booleans()),
        ),
        max_size=25,
    )
)
def test_in_every_history_the_shares_add_up_and_go_to_what_was_ready(steps: list[tuple[str, int | None]]) -> None:
    revisions: tuple[Revision, ...] = knative.with_template((), "demo", template(0), 0.0)
    rolled, percent = Rolled(), None
    for kind, value in steps:
        if kind == "spec":
            revisions = knative.with_template(revisions, "demo", template(value or 0), 0.0)
        elif kind == "percent":
            percent = value
        elif value:
            revisions = (*revisions[:-1], replace(revisions[-1], ready=True))
        targets, rolled = knative.settle(percent, rolled, revisions, tag_routing=False)
        newest = knative.latest_ready(revisions)
        ready = {revision.name for revision in revisions if revision.ready}
        assert sum(target.percent for target in targets) == 100
        assert knative.settle(percent, rolled, revisions, tag_routing=False) == (targets, rolled)
        if newest:
            shares = dict(knative.shares(targets, newest))
            assert {one for one, share in shares.items() if share} <= ready
            assert set(shares) <= {revision.name for revision in knative.running(revisions, targets)}
            assert rolled.latest_rolledout in ready
        else:
            assert rolled == Rolled()
        assert revisions[-1] in knative.running(revisions, targets) or revisions[-1].ready


def test_going_back_to_an_old_spec_makes_a_new_revision() -> None:
    revisions = knative.with_template((), "demo", template(1), 0.0)
    revisions = knative.with_template(revisions, "demo", template(2), 1.0)
    assert knative.with_template(revisions, "demo", template(2), 2.0) == revisions
    revisions = knative.with_template(revisions, "demo", template(1), 3.0)
    assert [revision.name for revision in revisions] == [name(1), name(2), name(3)]


def test_tags_are_latest_on_request_and_prev_always() -> None:
    rolled = Rolled(name(1))
    tagged = knative.targets(10, rolled, tag_routing=True)
    assert [target.tag for target in tagged] == ["latest", "prev"]
    assert [target.tag for target in knative.targets(10, rolled, tag_routing=False)] == ["", "prev"]
    lines = knative.traffic_status(tagged, name(2), url="http://{tag}-demo-predictor.default.example.com")
    assert lines[1] == {
        "latestRevision": False,
        "percent": 90,
        "revisionName": name(1),
        "tag": "prev",
        "url": "http://prev-demo-predictor.default.example.com",
    }


def test_old_revisions_are_forgotten_but_never_one_that_may_be_needed() -> None:
    revisions = history(*[True] * 40)
    kept = knative.kept(revisions, Rolled(name(3), name(2)))
    assert {name(2), name(3), name(40)} <= {revision.name for revision in kept}
    assert len(kept) == 22
