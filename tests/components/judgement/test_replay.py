"""Can a quiet service be judged by rows that are sent to both arms at their own addresses?"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from kfp_lifecycle.adapters import replay
from kfp_lifecycle.components.judgement import replaying
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import write_table

pytestmark = pytest.mark.slow
QUICK = {"evidence": "replay", "replay_per_second": 1000.0, "deadline_seconds": 120}


def _write(frame: pd.DataFrame, folder: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write_table(table.to_batches(), table.schema, folder)


@pytest.fixture
def rows(tmp_path, artifact):
    frame = pd.DataFrame({"age": [float(i % 70) for i in range(4000)], "plan": ["a", "b"] * 2000})
    _write(frame, tmp_path / "rows")
    return artifact(str(tmp_path / "rows"))


def test_arms_that_agree_and_answer_are_promoted_without_a_user(stage, judged, rows, mode):
    staged = stage(mode)
    outcome, decision = judged(staged, rows=rows, **QUICK)
    assert outcome == "promote", decision.reasons
    assert {reason.partition(":")[0] for reason in decision.reasons} == {"errors", "slow", "refused", "disagreement"}
    # The rows of the first check are dropped; of the others each counts for one arm.
    assert decision.numbers["errors_canary_requests"] * 2 == decision.numbers["replayed_rows"] - 200
    # The rows went to the arms' own addresses: the split stays as deploy left it.
    assert staged.weight() == 10


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_candidate_that_answers_otherwise_is_rolled_back(stage, judged, rows, mode):
    staged = stage(mode)
    staged.behave("2", value=0)
    outcome, decision = judged(staged, rows=rows, **QUICK)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("disagreement: 100.00%")
    assert decision.inputs["first_difference"] == "row 0: the canary answered 0, the champion 1"


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_rows_that_are_not_enough_leave_it_undecided(stage, judged, rows, mode):
    outcome, decision = judged(stage(mode), rows=rows, replay_limit=100, **QUICK)
    assert outcome == "roll_back"
    assert decision.reasons[0] == "undecided: all 100 rows were replayed"


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_rows_are_sent_no_faster_than_asked_and_no_more_than_allowed(stage, judged, rows, mode):
    staged = stage(mode)
    before = Counter(staged.cluster.counters(staged.canary))
    quick = {**QUICK, "replay_per_second": 50.0}
    judged(staged, rows=rows, replay_limit=100, **quick)
    sent = Counter(staged.cluster.counters(staged.canary))
    sent.subtract(before)
    assert sent["rq_total"] == 100
    seconds = staged.record().open.evidence["judge"]["state"]["records"][0][0]
    assert seconds >= 99 / 50


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_disagreement_on_rows_is_weighed_beside_live_traffic(stage, judged, rows, mode):
    staged = stage(mode)
    with staged.cluster.traffic(staged.name, rate=300, body=b'{"inputs": []}'):
        outcome, decision = judged(
            staged, rows=rows, checks_per_weight=1, replay_limit=600, **{**QUICK, "evidence": "both"}
        )
    assert outcome == "promote", decision.reasons
    assert decision.reasons[-1].startswith("disagreement: 0.00%")
    assert staged.weight() == 50


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
@pytest.mark.parametrize("evidence", ["replay", "both"])
def test_a_table_without_a_row_is_refused_and_never_left_out(stage, judged, tmp_path, artifact, mode, evidence):
    _write(pd.DataFrame({"age": [1.0], "plan": ["a"]}).head(0), tmp_path / "empty")
    with pytest.raises(InputError, match="rows=.*at least one row"):
        judged(stage(mode), rows=artifact(str(tmp_path / "empty")), **{**QUICK, "evidence": evidence})


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_rows_that_a_policy_refuses_are_told_as_such(stage, judged, rows, mode, monkeypatch):
    staged = stage(mode)
    monkeypatch.setattr(replaying, "BATCH", 50)
    monkeypatch.setattr(replay, "_ask", lambda *_: replay.ArmAnswer(403, 0.001))
    outcome, decision = judged(staged, rows=rows, replay_limit=200, **QUICK)
    assert outcome == "roll_back"
    assert "not reachable by policy: all 200 rows" in decision.reasons[-1]


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_table_without_a_column_of_the_model_is_refused(stage, judged, tmp_path, artifact, mode):
    _write(pd.DataFrame({"age": [1.0]}), tmp_path / "bare")
    with pytest.raises(InputError, match="rows='plan'"):
        judged(stage(mode), rows=artifact(str(tmp_path / "bare")), **QUICK)
