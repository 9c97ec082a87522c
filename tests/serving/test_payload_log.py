"""The payload log as a server opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.serving.payload_parts import until

from kfp_lifecycle.core.signature import Signature
from kfp_lifecycle.serving.estimator import ServedEstimator
from kfp_lifecycle.serving.exchange import Exchange
from kfp_lifecycle.serving.payload_log import open_payload_log
from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings
from kfp_lifecycle.serving.request_marks import RequestMarks
from kfp_lifecycle.serving.rows import Rows


@pytest.mark.parametrize(("queue_rows", "offered"), [(4, 2), (1, 1)])
def test_a_part_takes_half_the_queue_at_most(
    tmp_path: Path, signature: Signature, classifier: Any, make_exchange: Any, queue_rows: int, offered: int
) -> None:
    exchange: Exchange = make_exchange()
    log = open_payload_log(
        PayloadLogSettings(str(tmp_path), seconds=3600),
        service="flights",
        version="3",
        signature=signature,
        estimator=ServedEstimator(classifier, signature),
        predict=exchange.predict,
        queue_rows=queue_rows,
        part_rows=100,
        megabytes=1,
    )
    try:
        nothing = Rows(offered, [[None] * offered for _ in signature.columns])
        log.offer([RequestMarks("a", "", 1e9)], [offered], nothing, 422, None, fit=False, body_bytes=0)
        until(lambda: log.counts()["written"] == offered)
    finally:
        log.close(60)
