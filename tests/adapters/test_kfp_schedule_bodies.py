"""A declared schedule goes to the KFP API and comes back as itself; what comes back otherwise is told by field."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import kfp_server_api
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.adapters.kfp_schedule_bodies import body, deviations, found
from kfp_lifecycle.core.schedule_plan import Wanted, fields
from kfp_lifecycle.core.schedules import Schedule

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
VALUES = st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5) | st.lists(st.integers(0, 9))
WANTED = st.builds(
    lambda schedule, version: Wanted("team", schedule, "pipeline-1", version),
    st.builds(
        Schedule,
        name=st.text(min_size=1, max_size=9),
        pipeline=st.just("pipeline-1"),
        every=st.integers(1, 10**6),
        start=st.none() | MOMENTS,
        end=st.none() | MOMENTS,
        max_concurrency=st.integers(1, 10),
        catch_up=st.booleans(),
        enabled=st.just(False),
        parameters=st.dictionaries(st.text(max_size=4), VALUES, max_size=3),
        experiment=st.just("experiment-1"),
        service_account=st.sampled_from(["", "editor"]),
    ),
    st.sampled_from(["", "version-1"]),
)


def kept(sent: Any) -> Any:
    """What an API answers: the same through JSON, with an id and a time, and numbers as protobuf has them."""
    item = copy.deepcopy(sent)
    item.recurring_run_id, item.created_at = "id", datetime(2027, 1, 1)
    if item.runtime_config:
        item.runtime_config.parameters = {
            name: float(value) if type(value) is int else value
            for name, value in item.runtime_config.parameters.items()
        }
    return item


@given(wanted=WANTED)
def test_what_was_sent_is_found_as_it_was_declared(wanted: Wanted) -> None:
    sent = body(wanted, wanted.schedule.start, "experiment-1", "")

    item = found(kept(sent))

    assert deviations(sent, kept(sent)) == []
    assert (item.owner, item.digest, item.enabled) == ("team", wanted.digest, False)
    assert item.content == {**fields(wanted.schedule), "version": wanted.version_id or "latest"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("description", "", "description"),
        ("max_concurrency", "2", "max_concurrency"),
        ("no_catchup", False, "no_catchup"),
        ("experiment_id", "other", "experiment"),
        ("service_account", None, "service_account"),
        ("runtime_config", None, "parameters"),
        ("runtime_config", kfp_server_api.V2beta1RuntimeConfig(parameters={"a": True}), "parameters"),
        ("pipeline_version_reference", None, "pipeline"),
        ("trigger", None, "trigger"),
    ],
)
def test_what_the_api_keeps_otherwise_is_named(field: str, value: Any, told: str) -> None:
    schedule = Schedule("n", "p", cron="0 0 3 * * *", parameters={"a": 1}, service_account="editor")
    sent = body(Wanted("team", schedule, "pipeline-1"), None, "experiment-1", "")
    item = kept(sent)
    setattr(item, field, value)

    assert deviations(sent, item) == [told]
