"""A pipeline from compiled components alone: whoever compiles it needs kfp, and nothing of this package.

python compile.py
kfp dsl compile --py examples/compose/from_files.py --output build/from_files.yaml
"""

import os
from pathlib import Path

from kfp import dsl, kubernetes
from kfp.components import load_component_from_file

FILES = Path(os.environ.get("COMPONENTS", "build/components"))
collect = load_component_from_file(str(FILES / "collect.yaml"))
validate = load_component_from_file(str(FILES / "validate.yaml"))
conclude = load_component_from_file(str(FILES / "conclude.yaml"))
train = load_component_from_file(str(FILES / "train.yaml"))
register = load_component_from_file(str(FILES / "register.yaml"))


# What these steps read, as their READMEs list it; a key that the namespace does not hold is left out.
SETTINGS = [
    "MLFLOW_TRACKING_URI",
    "KFP_LIFECYCLE_MODELS_ROOT",
    "KFP_LIFECYCLE_MODELS_SERVE_ROOT",
    "KFP_LIFECYCLE_SERVE_SCHEMES",
    "KFP_LIFECYCLE_IMPORT_ROOTS",
    "KFP_LIFECYCLE_TRUSTED_TYPES",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
]
SECRETS = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
]


def on_cluster(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """What `configured` would do: the settings and the credentials of the run's namespace."""
    kubernetes.use_config_map_as_env(task, "kfp-lifecycle", {name: name for name in SETTINGS}, optional=True)
    kubernetes.use_secret_as_env(task, "kfp-lifecycle", {name: name for name in SECRETS}, optional=True)
    # KFP caches what nobody forbids, and a component's file cannot: of the library's steps only split may be.
    return task.set_caching_options(False)


@dsl.pipeline(name="from-files")
def from_files(data_uri: str, label: str, model_name: str, exclude: list):
    """A model in the registry for every table that passes its checks."""
    collected = on_cluster(collect(uri=data_uri))
    checked = on_cluster(validate(table=collected.outputs["table"], label=label))
    with dsl.If(checked.outputs["outcome"] == "pass", "valid"):
        trained = on_cluster(
            train(table=checked.outputs["accepted"], label=label, model_name=model_name, exclude=exclude)
        )
        on_cluster(
            register(model=trained.outputs["model"], model_name=model_name, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
        )
    # Without an Else kfp.local would take the If for false; and a refused table should not look like a good run.
    with dsl.Else("not-valid"):
        on_cluster(conclude(step="validate", outcome=checked.outputs["outcome"], decision=checked.outputs["decision"]))
