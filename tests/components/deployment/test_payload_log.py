"""The payload log's settings on their way to the model server."""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.deployment.payload_log import check_payload_log
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import PAYLOAD_LOG_EXCLUDE, PAYLOAD_LOG_HASH, PAYLOAD_LOG_SECONDS, PAYLOAD_LOG_URI


def test_settings_with_a_value_are_handed_on() -> None:
    given = {PAYLOAD_LOG_URI: " s3://logs/prod ", PAYLOAD_LOG_SECONDS: "30", PAYLOAD_LOG_HASH: "", "OTHER": "x"}
    assert check_payload_log(given) == {PAYLOAD_LOG_URI: "s3://logs/prod", PAYLOAD_LOG_SECONDS: "30"}


def test_what_protects_columns_is_handed_on_without_a_place_too() -> None:
    """The place may come by ``spec_overrides`` or the ServingRuntime."""
    assert check_payload_log({PAYLOAD_LOG_EXCLUDE: "age"}) == {PAYLOAD_LOG_EXCLUDE: "age"}
    assert check_payload_log({PAYLOAD_LOG_URI: " ", PAYLOAD_LOG_HASH: "id"}) == {PAYLOAD_LOG_HASH: "id"}
    assert check_payload_log({}) == {}


@pytest.mark.parametrize("uri", ["/payloads", "file:///payloads", "gs://logs", "s3://logs/a/b"])
def test_places_that_a_server_can_write_to_are_taken(uri: str) -> None:
    assert check_payload_log({PAYLOAD_LOG_URI: uri}) == {PAYLOAD_LOG_URI: uri}


@pytest.mark.parametrize("uri", ["payloads", "https://logs/x", "pvc://logs/x", "s3://", "/logs/*", "file://"])
def test_a_place_that_no_server_can_write_to_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=f"^{PAYLOAD_LOG_URI}="):
        check_payload_log({PAYLOAD_LOG_URI: uri})
