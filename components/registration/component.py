from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def register(
    model: dsl.Input[dsl.Model],
    model_name: str,
    environment: str = "prod",
    run_id: str = "",
) -> NamedTuple("Outputs", [("version", str), ("uri", str), ("digest", str)]):  # type: ignore[valid-type]
    """Register a model in MLflow, one version per content however often retried, and export it to the models root.

    Args:
        model: The model that passed its gate.
        model_name: The registered name.
        environment: The environment whose challenger this version becomes.
        run_id: The KFP run, kept as a lineage tag.

    Returns:
        version: The MLflow version.
        uri: The immutable export that KServe reads, <root>/<name>/<digest>/.
        digest: sha256 of the model's checksums.
    """
    from kfp_lifecycle.components.registration.registration import register as run

    return run(model=model, model_name=model_name, environment=environment, run_id=run_id)
