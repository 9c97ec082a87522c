"""Lists by the official client: pages, order, filters."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kfp
import pytest
from tests.local.kfp_api.serving import matching, refused

from kfp_lifecycle.local.kfp_api import runs
from kfp_lifecycle.local.kfp_api.database import connect, transaction


@pytest.fixture
def names(api: kfp.Client, tmp_path: Path) -> list[str]:
    """Names of 120 runs, the oldest first; some were made at the same moment."""
    default = api.get_experiment(experiment_name="Default").experiment_id
    made = [f"run-{number:03}" for number in range(120)]
    with transaction(connect(tmp_path / "kfp.sqlite")) as connection:
        for number, name in enumerate(made):
            created = 1_700_000_000.123 + number // 7
            state = ("SUCCEEDED", "FAILED", "PENDING")[number % 3]
            run = runs.Run(f"id-{number:03}", name, default, "", "", "", "", [{}], {}, None, "", "", created, created)
            runs.insert(connection, run)
            runs.rows.update(connection, runs.TABLE, {"id": run.id}, state=state)
    return made


def everything(listed: Callable[..., Any], **options: Any) -> list[str]:
    """Names of all runs by way of pages."""
    found, token = [], ""
    while True:
        page = listed(page_token=token, **options)
        found += [run.display_name for run in page.runs or []]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [7, 50, 119, 120, 200])
def test_pages_of_any_size_show_every_run_once(api: kfp.Client, names: list[str], size: int) -> None:
    assert everything(api.list_runs, page_size=size) == names
    assert api.list_runs(page_size=size).total_size == 120


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", list),
        ("created_at", list),
        ("display_name asc", list),
        ("name desc", lambda names: names[::-1]),
        ("created_at desc", lambda names: names[::-1]),
        ("CREATED_AT DESC", lambda names: names[::-1]),
        ("finished_at", list),
        ("state", lambda names: [*names[1::3], *names[2::3], *names[::3]]),
    ],
)
def test_any_order_is_kept_over_pages(
    api: kfp.Client, names: list[str], order: str, expected: Callable[[list[str]], list[str]]
) -> None:
    assert everything(api.list_runs, page_size=50, sort_by=order) == expected(names)


def test_a_run_that_is_made_or_deleted_between_two_pages_moves_no_other(api: kfp.Client, names: list[str]) -> None:
    first = api.list_runs(page_size=10, sort_by="created_at desc")
    api.delete_run(first.runs[-1].run_id)
    created = api.create_experiment("later").experiment_id
    assert created
    second = api.list_runs(page_size=10, sort_by="created_at desc", page_token=first.next_page_token)
    assert [run.display_name for run in second.runs] == names[-11:-21:-1]


def test_a_page_has_20_unless_asked_and_at_most_200(api: kfp.Client, names: list[str]) -> None:
    assert len(api._run_api.run_service_list_runs().runs) == 20
    assert len(api.list_runs(page_size=100_000).runs) == 120
    with refused(400, "page size"):
        api.list_runs(page_size=-1)


def test_a_token_is_good_for_its_own_query_only(api: kfp.Client, names: list[str]) -> None:
    token = api.list_runs(page_size=10).next_page_token
    for options in ({"sort_by": "name"}, {"filter": matching("name", "EQUALS", string_value="x")}):
        with refused(400, "does not match"):
            api.list_runs(page_token=token, **options)
    with refused(400, "does not match"):
        api.list_experiments(page_token=token)
    for wrong in ("x", "e30=", token[:-4], "W251bGwsMSwiIl0="):
        with refused(400, "page token"):
            api.list_runs(page_token=wrong)


FILTERS: dict[str, tuple[str, Callable[[int], bool]]] = {
    "equals": (matching("display_name", "EQUALS", stringValue="RUN-007"), lambda n: n == 7),
    "by number": (matching("name", 1, string_value="run-007"), lambda n: n == 7),
    "not equals": (matching("state", "NOT_EQUALS", string_value="failed"), lambda n: n % 3 != 1),
    "substring": (matching("name", "IS_SUBSTRING", string_value="-11"), lambda n: n // 10 == 11),
    "no pattern": (matching("name", "IS_SUBSTRING", string_value="%"), lambda n: False),
    "in": (matching("name", "IN", string_values={"values": ["run-001", "Run-119"]}), lambda n: n in (1, 119)),
    "in many": (
        matching("name", "IN", string_values={"values": [f"Run-{n:03}" for n in range(1, 5000, 2)]}),
        lambda n: n % 2 == 1,
    ),
    "in numbers": (matching("created_at", "IN", long_values={"values": [1_700_000_000]}), lambda n: False),
    "in nothing": (matching("name", "IN", string_values={"values": []}), lambda n: False),
    "greater": (matching("name", "GREATER_THAN", string_value="run-100"), lambda n: n > 100),
    "storage": (matching("storage_state", "EQUALS", string_value="ARCHIVED"), lambda n: False),
    "after": (
        matching("created_at", "GREATER_THAN_EQUALS", timestamp_value="2023-11-14T22:13:30.123Z"),
        lambda n: n // 7 >= 10,
    ),
    "other zone": (
        matching("created_at", "LESS_THAN", timestamp_value="2023-11-15T00:13:30.123+02:00"),
        lambda n: n // 7 < 10,
    ),
    "long": (matching("created_at", "LESS_THAN_EQUALS", long_value="1700000009"), lambda n: n // 7 < 9),
    "both": (
        json.dumps(
            {
                "predicates": [
                    {"operation": 9, "key": "name", "stringValue": "run-00"},
                    {"operation": "EQUALS", "key": "state", "stringValue": "PENDING"},
                ]
            }
        ),
        lambda n: n < 10 and n % 3 == 2,
    ),
    "none": ("{}", lambda n: True),
    "encoded": (urllib.parse.quote(matching("name", "EQUALS", string_value="run-007")), lambda n: n == 7),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_leave_what_they_say(api: kfp.Client, names: list[str], name: str) -> None:
    text, wanted = FILTERS[name]
    expected = [name for number, name in enumerate(names) if wanted(number)]
    assert everything(api.list_runs, page_size=33, filter=text) == expected
    assert (api.list_runs(filter=text).total_size or 0) == len(expected)


WRONG = {
    "no json": ("{", "no JSON"),
    "a list": ("[]", "predicates"),
    "operation": (matching("name", "LIKE", string_value="x"), "invalid predicate operation"),
    "field": (matching("directory", "EQUALS", string_value="x"), "unrecognized field 'directory'"),
    "sql": (matching("1=1;--", "EQUALS", string_value="x"), "unrecognized field"),
    "no value": (matching("name", "EQUALS"), "needs one value"),
    "two values": (matching("name", "EQUALS", string_value="x", int_value=1), "needs one value"),
    "a list for one": (matching("name", "EQUALS", string_values={"values": ["x"]}), "scalar operator"),
    "one for a list": (matching("name", "IN", string_value="x"), "IN operator"),
    "number": (matching("name", "EQUALS", int_value=1), "cannot compare"),
    "substring": (matching("created_at", "IS_SUBSTRING", timestamp_value="2023-11-14T22:13:30Z"), "IS_SUBSTRING"),
    "time": (matching("created_at", "EQUALS", timestamp_value="yesterday"), "wrong"),
    "no zone": (matching("created_at", "EQUALS", timestamp_value="2023-11-14T22:13:30"), "time zone"),
    "many": (json.dumps({"predicates": [{}] * 51}), "at most 50"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_filter_is_refused_with_the_reason(api: kfp.Client, name: str) -> None:
    text, reason = WRONG[name]
    with refused(400, reason):
        api.list_runs(filter=text)


@pytest.mark.parametrize("order", ["nonsense", "name upwards", "name asc desc", "id; drop table runs"])
def test_a_wrong_order_is_refused(api: kfp.Client, order: str) -> None:
    with refused(400, "sort"):
        api.list_runs(sort_by=order)


def test_pipelines_versions_experiments_and_schedules_are_filtered_and_sorted_too(
    api: kfp.Client, package: Path
) -> None:
    default = api.get_experiment(experiment_name="Default").experiment_id
    for name in ("a", "b", "c"):
        pipeline = api.upload_pipeline(str(package), name).pipeline_id
        api.create_experiment(name)
        api.create_recurring_run(
            default, name, interval_second=60, pipeline_package_path=str(package), params={"name": "x"}
        )
        time.sleep(0.002)  # created_at tells milliseconds
    for name in ("v1", "v2"):
        api.upload_pipeline_version(str(package), name, pipeline)
    some, order = matching("display_name", "GREATER_THAN_EQUALS", string_value="b"), "created_at desc"
    pipelines = api.list_pipelines(filter=some, sort_by=order, page_size=1)
    assert (pipelines.pipelines[0].name, pipelines.total_size) == ("c", 2)
    following = api.list_pipelines(filter=some, sort_by=order, page_token=pipelines.next_page_token)
    assert [pipeline.name for pipeline in following.pipelines] == ["b"]
    versions = api.list_pipeline_versions(pipeline, sort_by="name desc", filter=matching("name", 9, string_value="v"))
    assert [version.name for version in versions.pipeline_versions] == ["v2", "v1"]
    experiments = api.list_experiments(filter=matching("name", "IN", string_values={"values": ["a", "c"]}))
    assert [experiment.display_name for experiment in experiments.experiments] == ["a", "c"]
    schedules = api.list_recurring_runs(
        sort_by="name desc", filter=matching("status", "EQUALS", string_value="enabled")
    )
    assert [schedule.display_name for schedule in schedules.recurring_runs] == ["c", "b", "a"]
    # What was shown is found.
    moment = schedules.recurring_runs[0].created_at.isoformat()
    shown = api.list_recurring_runs(filter=matching("created_at", "EQUALS", timestamp_value=moment))
    assert [schedule.display_name for schedule in shown.recurring_runs] == ["c"]
