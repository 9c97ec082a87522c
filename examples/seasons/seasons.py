"""P-values ring in every window, and nothing is retrained: a model of the first half of 2013 meets the second.

    python examples/seasons/seasons.py [--weeks 33 36 39 42 45] [--work DIRECTORY]

The steps `train`, `register` and `monitor` run as functions in this process: no cluster, no server, MLflow in a file.
The model learns from the flights that left New York in weeks 0 to 25. Then every third week the three weeks before are
monitored. Beside each answer stands what a rule of p-values alone would have said, and what a retrain would have won:
how much lower the log loss of the same model would be, had it learned from the 26 weeks before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from mlflow import MlflowClient

from kfp_lifecycle.components.monitoring.monitoring import monitor
from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.components.training.training import train
from kfp_lifecycle.core.answers import Answers, answers_of, truth_of
from kfp_lifecycle.core.decision import SavedDecision, load_decision
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.metrics import METRICS, measure
from kfp_lifecycle.core.model import load_model, load_signature
from kfp_lifecycle.core.scored_rows import scored_batch, scored_schema
from kfp_lifecycle.core.table import write_frame, write_table

sys.path.insert(0, str(Path(__file__).parents[1] / "flights"))
import weeks

NAME, TIME, LABEL = "flights", "scheduled_departure", "late"
LEARNED, JUDGED = 26, 3
LEFT_OUT = ["flight_id", TIME, "dest", "dewp", "wind_dir"]
DROP = 0.02


@dataclass
class Stored:
    """What a step gets as an artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def trained(rows: pd.DataFrame, folder: Path, calibration_window: str = "") -> Stored:
    """A model of these rows."""
    table, model = Stored(str(folder / "table")), Stored(str(folder / "model"))
    table.metadata = write_frame(rows, table.path).to_metadata()
    train(
        table=table,
        label=LABEL,
        model_name=NAME,
        model=model,
        metrics=Stored(""),
        parameters='{"max_iter": 60}',
        exclude=LEFT_OUT,
        time_column=TIME,
        calibration_window=calibration_window,
    )
    return model


def asked(model: Stored, rows: pd.DataFrame) -> Answers:
    """What the model says of rows, beside the truth."""
    signature = load_signature(model.path)
    truth = truth_of(rows[LABEL], signature)
    return answers_of(load_model(model.path), model_inputs(rows, signature), truth, signature)


def served(model: Stored, rows: pd.DataFrame, version: str, folder: Path) -> Stored:
    """The rows as they are logged when the model serves them, joined with their labels."""
    [batch] = pa.Table.from_pandas(rows, preserve_index=False).combine_chunks().to_batches()
    signature = load_signature(model.path)
    schema = scored_schema(batch.schema, signature, TIME)
    scored = scored_batch(batch, 0, asked(model, rows), signature, schema, version, TIME)
    table = Stored(str(folder / "served"))
    table.metadata = write_table([scored], schema, table.path).to_metadata()
    return table


def watched(table: Stored, week: int, folder: Path) -> SavedDecision:
    """The monitor's answer at the beginning of a week."""
    decision, report = Stored(str(folder / "decision.json")), Stored(str(folder / f"report-{week}.html"))
    monitor(
        table=table,
        model_name=NAME,
        decision=decision,
        metrics=Stored(""),
        report=report,
        label=LABEL,
        as_of=str(weeks.START + pd.Timedelta(weeks=week)),
        windows=JUDGED,
        engine="native",
        drop=DROP,
    )
    return load_decision(decision.path)


def gain(model: Stored, judged: pd.DataFrame, before: pd.DataFrame, folder: Path) -> float:
    """How much lower the log loss of a model retrained on the rows before would have been."""
    log_loss = METRICS["log_loss"]
    return measure(log_loss, asked(model, judged)) - measure(log_loss, asked(trained(before, folder), judged))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, nargs="+", default=[33, 36, 39, 42, 45])
    parser.add_argument("--work", type=Path, default=None)
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="seasons-"))
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{work}/mlflow.db"
    os.environ["KFP_LIFECYCLE_MODELS_ROOT"] = str(work / "models")

    rows = weeks.flights()
    week = ((rows[TIME] - weeks.START).dt.days // 7).to_numpy()
    model = trained(rows[week < LEARNED], work / "first", calibration_window="P7D")
    version = register(model, NAME)[0]
    MlflowClient().set_registered_model_alias(NAME, "champion", version)

    lines = []
    for now in given.weeks:
        folder = work / f"week-{now}"
        judged = rows[(week >= now - JUDGED) & (week < now)]
        taken = watched(served(model, judged, version, folder), now, folder)
        before = rows[(week >= now - JUDGED - LEARNED) & (week < now - JUDGED)]
        better = gain(model, judged, before, folder / "retrained")
        numbers = taken.numbers
        lines.append(
            [f"{now - JUDGED}-{now - 1}", int(numbers["windows_with_small_p"]), numbers["largest_psi"], taken.outcome,
             numbers["calibration_mean"], measure(METRICS["log_loss"], asked(model, judged)), better]
        )  # fmt: skip
        print(f"reasons: {'; '.join(taken.reasons)}")
    print("\nweeks   windows with p < .01   largest PSI   outcome   log loss: calibration   now   a retrain would win")
    for span, rang, psi, outcome, usual, loss, better in lines:
        print(f"{span:>6}{rang:>16} of {JUDGED}{psi:>18.2f}   {outcome:<10}{usual:>19.3f}{loss:>10.3f}{better:>16.3f}")
    print(f"reports: {work}")


if __name__ == "__main__":
    main()
