"""The step ``monitor``: are the served rows whole, do they drift, and is the model as good as it was?"""

from __future__ import annotations

from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import step_entry


@step_entry
def monitor(
    table: Artifact,
    model_name: str,
    decision: Artifact,
    metrics: Artifact,
    report: Artifact,
    label: str = "",
    as_of: str = "",
    windows: int = 3,
    window: str = "",
    label_lag: str = "P0D",
    time_column: str = "_event_time",
    environment: str = "prod",
    version: str = "",
    engine: str = "alibi-detect",
    reference: str = "profile",
    reference_uri: str = "",
    joint: str = "none",
    correction: str = "bonferroni",
    metric: str = "",
    drop: float = 0.02,
    p_limit: float = 0.001,
    needed: int = 2,
    psi_limit: float = 0.1,
    drift_p: float = 0.01,
    min_rows: int = 200,
    max_missing_rise: float = 0.1,
    max_unseen: float = 0.05,
    without_labels: str = "",
    run_id: str = "",
) -> tuple[str, str]:
    """Watch a model; see the face for the parameters."""
    raise NotImplementedError
