"""Write after write, recurring runs become what is declared, whatever was there and wherever it was interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import LocatedYaml
from kfp_lifecycle.core.schedule_changes import Change, check_ownership, differences, values
from kfp_lifecycle.core.schedule_plan import Found, Kind, Wanted, Write, fields, next_write
from kfp_lifecycle.core.schedules import Schedule
from kfp_lifecycle.local.kfp_api.slots import Trigger, next_slot

NOW = datetime(2027, 1, 1, 12, 0, 0, tzinfo=UTC)
NAME = "nightly"


@dataclass
class Api:
    """Recurring runs in memory, with a clock; each fires its slots as KFP's controller finds them."""

    kept: list[Found] = field(default_factory=list)
    now: datetime = NOW
    catch_up: bool = True
    fired: list[tuple[str, datetime]] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=itertools.count)

    def found(self) -> list[Found]:
        """What an adapter would read, with the last slot of each."""
        return [
            replace(it, last_slot=max((slot for who, slot in self.fired if who == it.id), default=None))
            for it in self.kept
        ]

    def do(self, write: Write, wanted: Wanted | None) -> None:
        if write.kind is Kind.CREATE:
            assert wanted
            self.kept.append(made(self.now, wanted, id=f"new-{next(self.ids)}", enabled=False, start=write.start))
        elif write.kind is Kind.DELETE:
            self.kept = [it for it in self.kept if it.id != write.id]
        else:
            enabled = write.kind is Kind.ENABLE
            self.kept = [replace(it, enabled=enabled) if it.id == write.id else it for it in self.kept]

    def let_pass(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            for it in self.kept:
                self._fire(it)

    def _fire(self, it: Found) -> None:
        while it.enabled:
            last = max((slot.timestamp() for who, slot in self.fired if who == it.id), default=None)
            start = it.start.timestamp() if it.start else None
            slot = next_slot(
                Trigger(it.cron, it.every, start),
                created=it.created.timestamp(),
                last=last,
                no_catchup=not self.catch_up,
                now=self.now.timestamp(),
            )
            if slot is None or slot > self.now.timestamp():
                return
            self.fired.append((it.id, datetime.fromtimestamp(slot, UTC)))


def wanted(owner: str = "me", **options: object) -> Wanted:
    if not options.keys() & {"cron", "every"}:
        options["cron"] = "0 0 3 * * *"
    return Wanted(owner, Schedule(NAME, "pipeline", **options), "pipeline-1")  # type: ignore[arg-type]


def made(created: datetime, want: Wanted, **options: object) -> Found:
    schedule = want.schedule
    begun = Found(
        "old", NAME, want.owner, want.digest, schedule.enabled, created, schedule.cron, schedule.every, schedule.start
    )
    return replace(begun, content=fields(schedule), **options)  # type: ignore[arg-type]


def settle(api: Api, want: Wanted | None, pauses: Sequence[int] = ()) -> list[Write]:
    """Apply to the end; between two writes time passes."""
    writes = []
    waits = iter(pauses)
    while write := next_write(want, api.found(), api.now):
        others = [it for it in api.kept if it.enabled and it.id != write.id]
        assert write.kind is not Kind.ENABLE or not others, "two fire at the same time"
        api.do(write, want)
        writes.append(write)
        api.let_pass(next(waits, 0))
        assert len(writes) < 40, "comes to no end"
    return writes


WANTED = st.builds(
    wanted,
    parameters=st.fixed_dictionaries({"seed": st.integers(0, 2)}),
    enabled=st.booleans(),
    every=st.sampled_from([3, 60]),
)
FOUND = st.lists(
    st.builds(
        lambda want, owner, enabled, ago: made(
            NOW - timedelta(seconds=ago), replace(want, owner=owner), enabled=enabled
        ),
        WANTED,
        st.sampled_from(["me", "you", ""]),
        st.booleans(),
        st.integers(0, 200),
    ),
    max_size=4,
)
PAUSES = st.lists(st.integers(0, 8), max_size=12)


@given(want=WANTED, found=FOUND, pauses=PAUSES)
def test_any_state_becomes_exactly_the_declared_schedule(want: Wanted, found: list[Found], pauses: list[int]) -> None:
    api = Api([replace(it, id=f"old-{number}") for number, it in enumerate(found)])

    settle(api, want, pauses)

    assert [(it.owner, it.digest, it.enabled) for it in api.kept] == [("me", want.digest, want.schedule.enabled)]
    assert differences([want], api.kept, "me") == []


@given(first=WANTED, second=WANTED, pauses=PAUSES, stop=st.integers(0, 8))
def test_an_apply_that_stops_after_any_write_is_finished_by_the_next_one(
    first: Wanted, second: Wanted, pauses: list[int], stop: int
) -> None:
    api = Api()
    settle(api, first)
    for _ in range(stop):
        if write := next_write(second, api.found(), api.now):
            api.do(write, second)
            api.let_pass(2)
        assert sum(it.enabled for it in api.kept) <= 1

    settle(api, second, pauses)

    assert [(it.digest, it.enabled) for it in api.kept] == [(second.digest, second.schedule.enabled)]


@given(pauses=PAUSES, catch_up=st.booleans(), before=st.integers(0, 9), every=st.integers(1, 7))
def test_no_slot_is_run_twice_by_a_schedule_and_its_successor_and_none_is_lost(
    pauses: list[int], catch_up: bool, before: int, every: int
) -> None:
    api = Api(catch_up=catch_up)
    old, new = (wanted(every=every, catch_up=catch_up, parameters={"seed": seed}) for seed in (1, 2))
    settle(api, old)
    api.let_pass(before)

    settle(api, new, pauses)
    api.let_pass(3 * every)

    slots = [slot for _, slot in api.fired]
    assert len(set(slots)) == len(slots)
    if catch_up:
        steps = {(later - earlier).total_seconds() for earlier, later in itertools.pairwise(slots)}
        assert steps == {every}
    assert {it.id for it in api.kept} == {api.fired[-1][0]}


def test_a_slot_that_the_old_one_runs_during_the_change_is_left_to_it() -> None:
    api = Api()
    settle(api, wanted(every=5))
    api.let_pass(5)
    new = wanted(every=5, parameters={"seed": 1})

    # The slot is due between the creation of the new one and the end of the old one.
    writes = settle(api, new, [5])

    kinds = [write.kind for write in writes]
    assert kinds == [Kind.CREATE, Kind.DISABLE, Kind.DELETE, Kind.CREATE, Kind.ENABLE, Kind.DELETE]
    assert api.kept[0].start == NOW + timedelta(seconds=10)


def test_the_new_one_is_made_switched_off_before_the_old_one_is_touched() -> None:
    api = Api([made(NOW, wanted())])

    writes = settle(api, wanted(parameters={"seed": 1}))

    assert [(write.kind, write.id) for write in writes] == [
        (Kind.CREATE, ""),
        (Kind.DISABLE, "old"),
        (Kind.ENABLE, "new-0"),
        (Kind.DELETE, "old"),
    ]


def test_a_changed_cron_starts_now_so_that_no_slot_of_the_past_is_run() -> None:
    api = Api([made(NOW - timedelta(days=30), wanted())], fired=[("old", NOW - timedelta(hours=9))])

    settle(api, wanted(cron="0 0 * * * *", catch_up=True))

    assert api.kept[0].start == NOW


def test_an_unchanged_cron_goes_on_from_the_last_slot() -> None:
    api = Api([made(NOW - timedelta(days=30), wanted())], fired=[("old", NOW - timedelta(hours=9))])

    settle(api, wanted(parameters={"seed": 1}))

    assert api.kept[0].start == NOW - timedelta(hours=9)


def test_where_no_run_is_left_no_slot_of_the_past_is_run() -> None:
    api = Api([made(NOW - timedelta(days=30), wanted(start=NOW - timedelta(days=30)))])

    settle(api, wanted(start=NOW - timedelta(days=30), parameters={"seed": 1}))

    assert api.kept[0].start == NOW


def test_an_interval_that_is_changed_more_often_than_it_fires_does_fire() -> None:
    api = Api()
    settle(api, wanted(every=100))
    for seed in range(4):
        api.let_pass(30)
        settle(api, wanted(every=100, parameters={"seed": seed}))

    assert [slot for _, slot in api.fired] == [NOW + timedelta(seconds=100)]


def test_an_interval_keeps_the_step_that_its_declared_start_gives() -> None:
    start = NOW - timedelta(hours=25, minutes=10)
    api = Api([made(NOW - timedelta(days=9), wanted(every=3600))])

    settle(api, wanted(every=7200, start=start))

    assert api.kept[0].start == start + timedelta(hours=24)


def test_a_declared_start_in_the_future_is_kept() -> None:
    api = Api([made(NOW, wanted())])

    settle(api, wanted(start=NOW + timedelta(days=1)))

    assert api.kept[0].start == NOW + timedelta(days=1)


def test_only_the_switch_is_moved_where_only_that_differs() -> None:
    api = Api([made(NOW, wanted())])

    assert [write.kind for write in settle(api, wanted(enabled=False))] == [Kind.DISABLE]
    assert [write.kind for write in settle(api, wanted(enabled=True))] == [Kind.ENABLE]


def test_what_is_no_longer_declared_is_removed_if_it_is_ours() -> None:
    mine, theirs = made(NOW, wanted()), made(NOW, wanted("you"), name="weekly")

    [difference] = differences([], [mine, theirs], "me")

    assert (difference.change, difference.name) == (Change.REMOVE, NAME)
    api = Api([mine])
    settle(api, None)
    assert api.kept == []


@pytest.mark.parametrize("owner", ["you", ""])
def test_what_somebody_else_made_under_a_declared_name_is_refused(owner: str) -> None:
    todo = differences([wanted()], [made(NOW, wanted(owner))], "me")

    assert [difference.change for difference in todo] == [Change.ADOPT]
    with pytest.raises(InputError, match="--adopt"):
        check_ownership(todo, "me", LocatedYaml("schedules.yaml"))


def test_the_fields_that_differ_are_named_with_both_values() -> None:
    old, new = wanted(parameters={"seed": 1}), wanted(parameters={"seed": 2}, max_concurrency=2)

    [difference] = differences([new], [made(NOW, old)], "me")

    assert difference.change is Change.REPLACE
    assert values(difference) == {"parameters": ({"seed": 1}, {"seed": 2}), "max_concurrency": (1, 2)}


def test_removals_come_first_so_that_a_renamed_schedule_does_not_run_beside_itself() -> None:
    todo = differences([wanted()], [made(NOW, wanted(), name="zz-old-name")], "me")

    assert [difference.change for difference in todo] == [Change.REMOVE, Change.CREATE]
