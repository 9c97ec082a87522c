"""Whatever a filter or a page token holds, the answer is a list or a refusal; and what is a list is the right one."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kfp_lifecycle.local.kfp_api import columns, filters, paging, runs
from kfp_lifecycle.local.kfp_api.database import connect
from kfp_lifecycle.local.kfp_api.errors import ApiError

TEXTS = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
)
OPERATIONS = ["EQUALS", "NOT_EQUALS", "GREATER_THAN", "GREATER_THAN_EQUALS", "LESS_THAN", "LESS_THAN_EQUALS"]
quick = settings(max_examples=60, deadline=None)


def run(number: int, name: str, created: float) -> runs.Run:
    return runs.Run(f"{number:03}", name, "", "", "", "", "", [{}], {}, None, "", "", created, created)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    return connect(tmp_path_factory.mktemp("empty") / "kfp.sqlite")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    return connect(tmp_path_factory.mktemp("scratch") / "kfp.sqlite")


@given(
    predicate=some.dictionaries(
        some.sampled_from(["operation", "key", "string_value", "intValue", "longValues", "timestamp_value"]),
        JSON | some.sampled_from([*OPERATIONS, "IN", "name", "created_at", "1", {"values": ["1", 2]}]),
    ),
    wrapped=some.booleans(),
)
@quick
def test_any_filter_is_either_refused_or_runs(
    empty: sqlite3.Connection, predicate: dict[str, Any], wrapped: bool
) -> None:
    text = json.dumps({"predicates": [predicate]} if wrapped else predicate)
    try:
        found = paging.page(empty, columns.RUNS, runs.Run, {"filter": text})
    except ApiError as error:
        assert error.status == 400
    else:
        assert found.rows == []


@given(text=some.text(max_size=40), order=some.text(max_size=12), size=some.text(max_size=4))
@quick
def test_any_query_is_either_refused_or_runs(empty: sqlite3.Connection, text: str, order: str, size: str) -> None:
    for query in ({"page_token": text}, {"filter": text}, {"sort_by": order}, {"page_size": size}):
        try:
            paging.page(empty, columns.RUNS, runs.Run, query)
        except ApiError as error:
            assert error.status == 400


@given(
    query=TEXTS,
    value=TEXTS | some.floats(allow_nan=False, allow_infinity=False, min_value=-1e17, max_value=1e17),
    identity=TEXTS,
)
@quick
def test_a_token_means_what_it_was_made_of(query: str, value: str | float, identity: str) -> None:
    token = paging.Token(query, value, identity)
    assert paging.decode(paging.encode(token)) == token


@given(
    made=some.lists(some.tuples(TEXTS, some.floats(0, 4e9)), max_size=12),
    order=some.sampled_from(["", "name", "name desc", "created_at desc", "finished_at", "state desc"]),
    size=some.integers(1, 5),
)
@quick
def test_pages_joined_are_the_whole_list(
    scratch: sqlite3.Connection, made: list[tuple[str, float]], order: str, size: int
) -> None:
    connection = scratch
    connection.execute("DELETE FROM runs")
    for number, (name, created) in enumerate(made):
        runs.insert(connection, run(number, name, created))
    query = {"sort_by": order, "page_size": str(size)}
    whole = paging.page(connection, columns.RUNS, runs.Run, {**query, "page_size": "200"})
    joined, token = [], ""
    while token or not joined:
        page = paging.page(connection, columns.RUNS, runs.Run, {**query, "page_token": token})
        joined += page.rows
        token = page.next_token
        if not token:
            break
    assert joined == whole.rows
    assert sorted(row.id for row in joined) == [f"{number:03}" for number in range(len(made))]
    if order.startswith("created_at"):
        assert [row.created for row in joined] == sorted((row.created for row in joined), reverse=True)


@given(names=some.lists(some.text("aAbB%_", max_size=4), max_size=8), part=some.text("aAbB%_", max_size=2))
@quick
def test_a_substring_is_taken_as_it_is(scratch: sqlite3.Connection, names: list[str], part: str) -> None:
    connection = scratch
    connection.execute("DELETE FROM runs")
    for number, name in enumerate(names):
        runs.insert(connection, run(number, name, number))
    predicate = {"operation": "IS_SUBSTRING", "key": "name", "string_value": part}
    condition, values = filters.condition(json.dumps({"predicates": [predicate]}), columns.RUNS)
    found = connection.execute(f"SELECT name FROM runs WHERE {condition} ORDER BY created", values).fetchall()
    assert [name for (name,) in found] == [name for name in names if part.lower() in name.lower()]
