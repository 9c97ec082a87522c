"""A model that our own ``train`` made and ``register`` registered in a real MLflow, and rows that it served."""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from kfp_lifecycle.components.monitoring.monitoring import monitor
from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.components.training.training import train
from kfp_lifecycle.core.decision import SavedDecision, load_decision
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.logged_rows import class_text
from kfp_lifecycle.core.model import load_model
from kfp_lifecycle.core.signature import load_signature
from kfp_lifecycle.core.table import write_frame

START = pd.Timestamp("2013-01-07", tz="UTC")
WEEKS = 16
A_WEEK = 900


@dataclass
class Stored:
    """What a step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A registered champion; ``environment`` holds the settings of a step that watches it."""

    name: str
    version: str
    directory: Path
    environment: dict[str, str]
    training: Path


def make_rows(first_week: int, weeks: int, seed: int) -> pd.DataFrame:
    """``late`` follows from ``age`` and ``city``; ``pages`` says nothing, and each week is a little different."""
    random = np.random.default_rng(seed)
    rows = A_WEEK * weeks
    frame = pd.DataFrame(
        {
            "id": [f"{seed}-{row}" for row in range(rows)],
            "at": START + pd.to_timedelta(7 * (first_week + np.sort(random.uniform(0, weeks, rows))), "D"),
            "age": random.normal(40, 9, rows),
            "pages": random.integers(0, 50, rows),
            "member": random.random(rows) < 0.5,
            "city": random.choice(["Bern", "Köln", "Oslo"], rows, p=[0.5, 0.3, 0.2]),
        }
    )
    week = ((frame["at"] - START).dt.days // 7).to_numpy()
    noise = np.random.default_rng(7).normal(0, 0.1, 100)[week]
    score = (frame["age"] - 40) / 6 + 2 * (frame["city"] == "Oslo") - 0.4 + noise
    frame["late"] = score + random.logistic(0, 1, rows) > 0
    frame.loc[frame.index % 50 == 0, "age"] = np.nan
    return frame


def make_champion(folder: Path, server: str, rows: pd.DataFrame, **arguments: Any) -> Trained:
    name = f"people-{uuid.uuid4().hex[:8]}"
    environment = {"MLFLOW_TRACKING_URI": server, "KFP_LIFECYCLE_MODELS_ROOT": str(folder / "models-root")}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in environment.items():
            patch.setenv(variable, value)
        table, model = Stored(str(folder / "training")), Stored(str(folder / "model"))
        table.metadata = write_frame(rows, table.path).to_metadata()
        asked = {"label": "late", "estimator": "sklearn.linear_model.LogisticRegression", "exclude": ["id", "at"]}
        train(
            table=table,
            model=model,
            metrics=Stored(""),
            model_name=name,
            time_column="at",
            **{**asked, **arguments},
        )
        version = register(model, name)[0]
        MlflowClient(server).set_registered_model_alias(name, "champion", version)
    return Trained(name, version, Path(model.path), environment, Path(table.path))


@pytest.fixture(scope="session")
def trained(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained on weeks 0 to 15, the last 8 of which are its calibration windows."""
    return make_champion(tmp_path_factory.mktemp("people"), mlflow_server, make_rows(0, WEEKS, seed=1))


@pytest.fixture
def champion(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """``trained``, as the environment of the test names it."""
    for variable, value in trained.environment.items():
        monkeypatch.setenv(variable, value)
    return trained


def serve(rows: pd.DataFrame, trained: Trained, version: str = "") -> pd.DataFrame:
    """The rows as the predictor would have logged them, their labels joined."""
    signature = load_signature(trained.directory)
    estimator = load_model(trained.directory)
    inputs = model_inputs(rows, signature)
    predicted = [class_text(value) for value in estimator.predict(inputs).tolist()]
    return rows.assign(
        _request_id=[str(number) for number in range(len(rows))],
        _row=0,
        _event_time=rows["at"],
        _status=200,
        _model_version=version or trained.version,
        _prediction=predicted,
        _score=estimator.predict_proba(inputs)[:, 1],
    ).drop(columns=["id", "at"])


@pytest.fixture
def served(champion: Trained) -> Callable[..., pd.DataFrame]:
    """Rows of some weeks after the training, changed before they are served, as they were logged."""

    def make(
        weeks: int = 4, change: Callable[[pd.DataFrame], None] | None = None, seed: int = 2, first: int = WEEKS
    ) -> pd.DataFrame:
        rows = make_rows(first, weeks, seed)
        if change:
            change(rows)
        return serve(rows, champion)

    return make


@dataclass(frozen=True)
class Watch:
    """An answer of the step with what it wrote."""

    outcome: str
    window: str
    decision: SavedDecision
    metrics: dict[str, Any]
    page: str

    @property
    def reason(self) -> str:
        return self.decision.reasons[0]


@pytest.fixture
def watch(champion: Trained, tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Call the step on logged rows; by default at the end of week 19 with the fast engine."""

    def run(rows: pd.DataFrame, model: Trained = champion, **arguments: Any) -> Watch:
        folder = tmp_path / uuid.uuid4().hex[:8]
        table = Stored(str(folder / "table"))
        table.metadata = write_frame(rows, table.path).to_metadata()
        decision, metrics, report = (Stored(str(folder / name)) for name in ("decision", "metrics", "report"))
        asked: dict[str, Any] = {"label": "late", "engine": "native", "as_of": str(START + pd.Timedelta(weeks=20))}
        outcome, window = monitor(
            table=table,
            model_name=model.name,
            decision=decision,
            metrics=metrics,
            report=report,
            **{**asked, **arguments},
        )
        made = load_decision(decision.path)
        page = Path(report.path).read_text(encoding="utf-8")
        assert made.outcome == outcome
        assert made.reasons[0][:60] in html.unescape(page)
        return Watch(outcome, window, made, metrics.metadata, page)

    yield run
