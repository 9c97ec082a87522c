"""A pipeline of your own: a step that you wrote between split and train, and the library's steps around it.

kfp dsl compile --py examples/compose/own_step.py --output build/own_step.yaml
"""

from kfp import dsl

from kfp_lifecycle.components import collect, conclude, deploy, evaluate, images, register, split, train
from kfp_lifecycle.pipelines.settings import configured


# The train image holds pandas and this package, so a small step needs no image of its own and installs nothing.
@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def add_item_price(
    training: dsl.Input[dsl.Dataset],
    holdout: dsl.Input[dsl.Dataset],
    training_with_price: dsl.Output[dsl.Dataset],
    holdout_with_price: dsl.Output[dsl.Dataset],
):
    """Add what one item of an order costs, to both parts alike."""
    from kfp_lifecycle.core.table import read_frame, write_frame

    for table, result in ((training, training_with_price), (holdout, holdout_with_price)):
        frame = read_frame(table.path)
        info = write_frame(frame.assign(item_price=frame["price"] / frame["items"]), result.path)
        # Later steps read the number of rows and the digest from here, without opening the table.
        result.metadata.update(info.to_metadata())


@dsl.pipeline(name="own-step")
def own_step(data_uri: str, model_name: str, service: str, namespace: str = "", seed: int = 0):
    """Learn which orders come back, with one column more than the data has."""
    collected = configured(collect(uri=data_uri, time_column="ordered_at"))
    parts = configured(split(table=collected.outputs["table"], seed=seed))
    priced = configured(
        add_item_price(training=parts.outputs["training"], holdout=parts.outputs["holdout"]),
    )
    trained = configured(
        train(
            table=priced.outputs["training_with_price"],
            label="returned",
            model_name=model_name,
            exclude=["order_id"],
            time_column="ordered_at",
            parameters='{"max_iter": 30}',
            seed=seed,
        ),
    )
    evaluated = configured(
        evaluate(model=trained.outputs["model"], holdout=priced.outputs["holdout_with_price"], model_name=model_name),
    )
    with dsl.If(evaluated.outputs["outcome"] == "pass", "good-enough"):
        registered = configured(
            register(model=trained.outputs["model"], model_name=model_name, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER),
        )
        deployed = configured(
            deploy(
                service=service,
                model_name=model_name,
                version=registered.outputs["version"],
                uri=registered.outputs["uri"],
                digest=registered.outputs["digest"],
                namespace=namespace,
                run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            ),
        )
        # A canary is left for a judge of its own run, or for the sweep; train_and_release shows a judge in line.
        configured(
            conclude(step="deploy", outcome=deployed.outputs["outcome"], decision=deployed.outputs["decision"]),
        )
    with dsl.Else("not-good-enough"):
        configured(
            conclude(step="evaluate", outcome=evaluated.outputs["outcome"], decision=evaluated.outputs["decision"]),
        )
