"""The pipeline under test: yours, with a step of your own and the steps of the library that release a model."""

from kfp import dsl

from kfp_lifecycle.components import collect, conclude, deploy, images, judge, promote, register, roll_back, train
from kfp_lifecycle.pipelines.settings import configured


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def drop_test_orders(table: dsl.Input[dsl.Dataset], kept: dsl.Output[dsl.Dataset]) -> int:
    """Leave out the orders that the shop's own tests make; returns how many there were."""
    from kfp_lifecycle.core.table import read_frame, write_frame

    frame = read_frame(table.path)
    ours = frame["customer"].str.startswith("test-")
    kept.metadata.update(write_frame(frame[~ours].drop(columns="customer"), kept.path).to_metadata())
    return int(ours.sum())


@dsl.pipeline(name="returns")
def returns(
    data_uri: str,
    service: str,
    namespace: str = "",
    seed: int = 0,
    canary_percent: int = 25,
    check_seconds: int = 60,
    checks_per_weight: int = 3,
    deadline_seconds: int = 7200,
    min_requests: int = 500,
    margin: float = 0.01,
):
    """Learn which orders come back, and give the model to the shop when a judge finds it no worse."""
    run_id = dsl.PIPELINE_JOB_ID_PLACEHOLDER
    left_open = configured(roll_back(service=service, namespace=namespace, run_id=run_id, reason="no verdict"))
    with dsl.ExitHandler(left_open, "release"):
        collected = configured(collect(uri=data_uri))
        cleaned = configured(drop_test_orders(table=collected.outputs["table"]))
        trained = configured(
            train(
                table=cleaned.outputs["kept"],
                label="returned",
                model_name=service,
                estimator="sklearn.linear_model.LogisticRegression",
                seed=seed,
            )
        )
        registered = configured(register(model=trained.outputs["model"], model_name=service, run_id=run_id))
        deployed = configured(
            deploy(
                service=service,
                model_name=service,
                version=registered.outputs["version"],
                uri=registered.outputs["uri"],
                digest=registered.outputs["digest"],
                namespace=namespace,
                canary_percent=canary_percent,
                run_id=run_id,
            )
        )
        with dsl.If(deployed.outputs["outcome"] == "canary", "canary"):
            judged = configured(
                judge(
                    service=service,
                    version=registered.outputs["version"],
                    rows=cleaned.outputs["kept"],
                    namespace=namespace,
                    weights=[25, 50],
                    check_seconds=check_seconds,
                    checks_per_weight=checks_per_weight,
                    deadline_seconds=deadline_seconds,
                    min_requests=min_requests,
                    error_margin=margin,
                    slow_margin=margin,
                    refused_margin=margin,
                    run_id=run_id,
                )
            )
            with dsl.If(judged.outputs["outcome"] == "promote", "no-worse"):
                promoted = configured(
                    promote(
                        service=service,
                        model_name=service,
                        version=registered.outputs["version"],
                        namespace=namespace,
                        run_id=run_id,
                    )
                )
                configured(
                    conclude(step="promote", outcome=promoted.outputs["outcome"], decision=promoted.outputs["decision"])
                )
            with dsl.Else("not-shown"):
                rolled_back = configured(
                    roll_back(service=service, namespace=namespace, run_id=run_id, reason="the judge refused")
                )
                configured(
                    conclude(step="judge", outcome=judged.outputs["outcome"], decision=judged.outputs["decision"])
                ).after(rolled_back)
        with dsl.Else("no-canary"):
            configured(
                conclude(step="deploy", outcome=deployed.outputs["outcome"], decision=deployed.outputs["decision"])
            )
