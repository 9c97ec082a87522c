"""Experiments of the KFP API, which group its runs."""

from __future__ import annotations

import kfp_server_api

from kfp_lifecycle.adapters.kfp_answers import identified
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpConflict
from kfp_lifecycle.adapters.kfp_pipelines import PAGE, named

# What KFP's own client calls the one for runs that name none.
DEFAULT = "Default"


def ensure(connection: KfpConnection, name: str = DEFAULT) -> str:
    """The id of the experiment of this name in the connection's namespace; it is made where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    found = find(connection, name)
    if found:
        return found
    service = kfp_server_api.ExperimentServiceApi(connection.client)
    experiment = kfp_server_api.V2beta1Experiment(display_name=name, namespace=connection.namespace or None)
    try:
        made = connection.write(
            f"create the experiment {name!r}", service.experiment_service_create_experiment, experiment=experiment
        )
    except KfpConflict:
        # Another caller made it in between.
        found = find(connection, name)
        if not found:
            raise
        return found
    return identified(made.experiment_id, f"the experiment {name!r}", connection.host)


def find(connection: KfpConnection, name: str) -> str | None:
    """The id of the experiment of this name; None where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    answer = connection.read(
        f"find the experiment {name!r}",
        kfp_server_api.ExperimentServiceApi(connection.client).experiment_service_list_experiments,
        namespace=connection.namespace,
        page_size=PAGE,
        filter=named(name),
    )
    found = [each for each in answer.experiments or () if each.display_name == name]
    return identified(found[0].experiment_id, f"the experiment {name!r}", connection.host) if found else None
