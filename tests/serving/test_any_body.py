"""Whatever JSON a client sends, the answer is not a server error."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfp_lifecycle.serving.exchange import Call, Exchange, Protocol

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["AA", "LAX", "FP64", "BYTES", "BOOL", "INT64", "distance", "", -1, 0, 1, 2, 1e29, 2**63]),
)
KEYS = st.one_of(
    st.sampled_from(
        ["instances", "inputs", "outputs", "id", "parameters", "name", "shape", "datatype", "data", "hour"]
    ),
    st.text(max_size=3),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in places(inner, (*path, key)))]


def altered(document: Any, path: tuple[Any, ...], change: str, value: Any) -> Any:
    """The document with one place replaced, removed or doubled."""
    if not path:
        return value
    document = copy.deepcopy(document)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if change == "remove":
        del holder[path[-1]]
    elif change == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[path[-1]]))
    else:
        holder[path[-1]] = value
    return document


@pytest.fixture(scope="module")
def documents(
    instances: list[dict[str, Any]], as_tensors: Callable[..., dict[str, Any]]
) -> dict[Protocol, dict[str, Any]]:
    v2 = {**as_tensors(instances), "id": "1", "outputs": [{"name": "predict"}]}
    return {Protocol.V1: {"instances": instances}, Protocol.V2: v2}


@pytest.fixture(scope="module")
def exchange(make_exchange: Callable[..., Exchange]) -> Exchange:
    return make_exchange()


def refused_or_answered(exchange: Exchange, protocol: Protocol, document: Any) -> None:
    (answer,) = exchange.answer([Call(protocol, json.dumps(document).encode())])
    assert answer.status in (200, 400, 422), answer.body
    if answer.status != 200:
        assert json.loads(answer.body)["error"]


@settings(max_examples=150, deadline=None)
@given(protocol=st.sampled_from(Protocol), document=JSON)
def test_no_json_at_all_is_a_server_error(exchange: Exchange, protocol: Protocol, document: Any) -> None:
    refused_or_answered(exchange, protocol, document)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(),
    protocol=st.sampled_from(Protocol),
    change=st.sampled_from(["replace", "remove", "double"]),
    value=JSON,
)
def test_no_near_miss_of_a_good_request_is_a_server_error(
    exchange: Exchange,
    documents: dict[Protocol, dict[str, Any]],
    data: st.DataObject,
    protocol: Protocol,
    change: str,
    value: Any,
) -> None:
    path = data.draw(st.sampled_from(places(documents[protocol])))
    refused_or_answered(exchange, protocol, altered(documents[protocol], path, change, value))


@settings(max_examples=100, deadline=None)
@given(protocol=st.sampled_from(Protocol), body=st.binary(max_size=40))
def test_no_bytes_are_a_server_error(exchange: Exchange, protocol: Protocol, body: bytes) -> None:
    (answer,) = exchange.answer([Call(protocol, body)])
    assert answer.status == 400
