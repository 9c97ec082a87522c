from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def evaluate(
    model: dsl.Input[dsl.Model],
    holdout: dsl.Input[dsl.Dataset],
    model_name: str,
    decision: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
    environment: str = "prod",
    metric: str = "",
    margin: float = 0.01,
    min_rows: int = 200,
    seed: int = 0,
    bootstrap_rounds: int = 1000,
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Gate a model: better than a dummy, and not worse than the champion on the same rows.

    Args:
        model: The candidate.
        holdout: Rows that the candidate has not seen; rows of the champion's training are left out.
        model_name: The registered name under which the champion is looked up.
        environment: The environment whose champion counts.
        metric: The metric that decides; empty takes the task's own.
        margin: How much worse than the champion still counts as equal, in units of the metric.
        min_rows: With fewer usable rows there is no verdict.
        seed: The seed of the paired bootstrap.
        bootstrap_rounds: Its number of rounds.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        metrics: The figures that the KFP UI shows.
        curves: Confusion matrix and ROC curve of a classifier.
        report: The decision as a page.
        outcome: pass, fail or too_few_rows.
    """
    from kfp_lifecycle.components.evaluation.evaluation import evaluate as run

    return run(
        model=model,
        holdout=holdout,
        model_name=model_name,
        decision=decision,
        metrics=metrics,
        curves=curves,
        report=report,
        environment=environment,
        metric=metric,
        margin=margin,
        min_rows=min_rows,
        seed=seed,
        bootstrap_rounds=bootstrap_rounds,
    )
