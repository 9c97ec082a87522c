"""What a real predictor logs is what the step collect reads."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kfp_lifecycle.components.collection.collection import collect
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.table import read_frame

V1, V2 = "/v1/models/flights:predict", "/v2/models/flights/infer"


@pytest.mark.slow
def test_collect_reads_what_the_predictor_logged_and_joins_labels_by_its_request_ids(
    serve, model_directory, instances, as_tensors, tmp_path
):
    root = tmp_path / "payloads"
    with serve(model_directory, **{settings.PAYLOAD_LOG_URI: str(root), "SERVICE_NAME": "flights"}) as server:
        answers = [
            server.call("POST", V1, {"instances": instances}),
            server.call("POST", V2, {**as_tensors(instances[:1]), "id": "mine"}),
            server.call("POST", V2, {**as_tensors(instances[:1]), "id": "mine"}),
            server.call("POST", V1, {"instances": instances[1:]}, {"x-event-time": "2013-03-01T12:00:00Z"}),
        ]
        assert [status for status, *_ in answers] == [200] * 4
    ids = [headers["x-request-id"] for _, headers, _ in answers]
    (service,) = root.iterdir()
    labels = tmp_path / "labels.csv"
    labels.write_text(f"id,row,late\n{ids[0]},2,yes\nmine,0,no\n", encoding="utf-8")
    table = SimpleNamespace(path=str(tmp_path / "table"), uri="", metadata={})
    options = {"labels_uri": str(labels), "labels_id": ["id", "row"], "label": "late"}
    rows, _, _ = collect(str(service), table, format="payload-log", **options)
    frame = read_frame(table.path)
    assert (rows, table.metadata["retried"], table.metadata["labelled"]) == (6, 1, 2)
    found = frame.set_index(["_request_id", "_row"])
    assert set(found.index) == {(ids[0], 0), (ids[0], 1), (ids[0], 2), ("mine", 0), (ids[3], 0), (ids[3], 1)}
    assert found.loc[(ids[0], 2)]["late"] == "yes" and found.loc[("mine", 0)]["late"] == "no"
    assert found.loc[(ids[0], 2)]["carrier"] == "never seen"
    assert found["_prediction"][ids[0]].tolist() == answers[0][2]["predictions"]
    assert found["_score"].between(0, 1).all()
    table = SimpleNamespace(path=str(tmp_path / "2013"), uri="", metadata={})
    rows, _, _ = collect(str(service), table, format="payload-log", window="2013-03-01/P1D", lateness="")
    assert rows == 2
