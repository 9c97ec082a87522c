from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def start_retrain(
    outcome: str,
    decision: dsl.Input[dsl.Artifact],
    window: str,
    model_name: str,
    pipeline: str,
    decision_out: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    environment: str = "prod",
    pipeline_version: str = "",
    parameters: str = "{}",
    as_of: str = "",
    trigger: str = "drift",
    cooldown: str = "P7D",
    budget: int = 4,
    budget_period: str = "P28D",
    max_running: int = 1,
    min_new_labels: int = 0,
    experiment: str = "Default",
    service_account: str = "",
    namespace: str = "",
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str), ("run_id", str)]):  # type: ignore[valid-type]
    """Start one run of a training pipeline when a monitor asks for it and no limit forbids it.

    Args:
        outcome: The monitor's outcome; only retrain starts anything.
        decision: The monitor's decision.json.
        window: The judged window, start/end; with model, environment and trigger it is what may start one run.
        model_name: The registered model.
        pipeline: The name of an uploaded pipeline, such as train-and-release.
        environment: The environment whose champion was monitored.
        pipeline_version: The name of a version; empty runs the newest.
        parameters: The run's parameters as one JSON object; as_of, model_name and environment are added where the
            pipeline has them.
        as_of: The moment this run stands for; limits are counted by it. Empty means the window's end.
        trigger: The kind of reason; monitors and webhooks that name the same one share its runs.
        cooldown: The least time between two retrains, an ISO 8601 duration; P0D for none.
        budget: The most retrains in a budget_period.
        budget_period: An ISO 8601 duration.
        max_running: The most retrains at the same time.
        min_new_labels: The labelled rows that the monitor must have judged.
        experiment: The KFP experiment of the run; made where there is none.
        service_account: Of the run's pods; empty means KFP's default.
        namespace: Of the run and of the book of retrains; empty means the pod's own.
        run_id: The KFP run of this step; a second try of it gets the answer of the first.

    Returns:
        decision_out: decision.json with outcome, reasons and numbers.
        report: The decision as a page, with the retrains before it.
        outcome: start, already_running, cooling_down, over_budget, not_enough_new_labels or no_drift.
        run_id: The run that stands for the window, whoever started it; empty where there is none.
    """
    from kfp_lifecycle.components.retraining.retraining import start_retrain as run

    return run(
        outcome=outcome,
        decision=decision,
        window=window,
        model_name=model_name,
        pipeline=pipeline,
        decision_out=decision_out,
        report=report,
        environment=environment,
        pipeline_version=pipeline_version,
        parameters=parameters,
        as_of=as_of,
        trigger=trigger,
        cooldown=cooldown,
        budget=budget,
        budget_period=budget_period,
        max_running=max_running,
        min_new_labels=min_new_labels,
        experiment=experiment,
        service_account=service_account,
        namespace=namespace,
        run_id=run_id,
    )
