"""The recurring run that ends what killed runs have left behind."""

from kfp import dsl

from kfp_lifecycle.components import sweep
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="sweep-releases")
def sweep_releases(namespace: str = "", environment: str = "") -> None:
    """End each release whose holder is gone, and repair the champions' aliases; schedule it every few minutes.

    Where runs must not be scheduled, kserve/manifests/sweep-cronjob.yaml does the same without Kubeflow Pipelines.

    Args:
        namespace: The namespace of the services; empty means the run's own.
        environment: Sweep this environment only; empty takes all.
    """
    configured(sweep(namespace=namespace, environment=environment, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER))
