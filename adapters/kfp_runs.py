"""Runs of the KFP API: started, found by name, followed to their end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import kfp_server_api
import tenacity
import urllib3.exceptions

from kfp_lifecycle.adapters.kfp_answers import identified
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpError, may_pass
from kfp_lifecycle.adapters.kfp_pipelines import PAGE, named

SUCCEEDED = "SUCCEEDED"
_FINAL = {SUCCEEDED, "FAILED", "CANCELED", "SKIPPED"}
_FIRST_LOOK, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two looks at a run
_TERMINATE_ATTEMPTS = 5
_UNSENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes:
        pipeline_id: an uploaded pipeline with ``version_id``; both empty when ``spec`` is given.
        spec: a compiled pipeline; with platform settings, an object of ``pipeline_spec`` and ``platform_spec``.
        parameters: by name, of the types that the pipeline declares.
        service_account: of the run's pods; empty is KFP's default.
    """

    experiment_id: str
    pipeline_id: str = ""
    version_id: str = ""
    spec: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    service_account: str = ""


@dataclass(frozen=True)
class Run:
    """A run as the API shows it.

    Attributes:
        state: KFP's RuntimeState, for example ``RUNNING``.
        error: why it failed; empty otherwise.
    """

    id: str
    name: str
    state: str
    error: str = ""

    @property
    def ended(self) -> bool:
        return self.state in _FINAL


def create(connection: KfpConnection, request: RunRequest, name: str) -> Run:
    """Start a run. KFP takes any number of runs of one name: whoever wants one reserves it first.

    Raises:
        KfpError: the API refused or did not answer; ``surely_not_started`` tells whether that settles it.
    """
    reference = None
    if request.spec is None:
        reference = kfp_server_api.V2beta1PipelineVersionReference(
            pipeline_id=request.pipeline_id, pipeline_version_id=request.version_id
        )
    body = kfp_server_api.V2beta1Run(
        experiment_id=request.experiment_id,
        display_name=name,
        pipeline_spec=dict(request.spec) if request.spec is not None else None,
        pipeline_version_reference=reference,
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=dict(request.parameters)),
        service_account=request.service_account or None,
    )
    service = kfp_server_api.RunServiceApi(connection.client)
    return _run(connection, connection.write(f"start the run {name!r}", service.run_service_create_run, run=body))


def surely_not_started(error: KfpError) -> bool:
    """Whether a failed ``create`` made no run: the API refused it, or the request never left this machine."""
    return 400 <= error.status < 500 or isinstance(error.__cause__, _UNSENT)


def find(connection: KfpConnection, name: str) -> Run | None:
    """The run of this name; of several the oldest. None where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    answer = connection.read(
        f"find the run {name!r}",
        kfp_server_api.RunServiceApi(connection.client).run_service_list_runs,
        namespace=connection.namespace,
        page_size=PAGE,
        sort_by="created_at asc",
        filter=named(name),
    )
    found = [run for run in answer.runs or () if run.display_name == name]
    return _run(connection, found[0]) if found else None


def get(connection: KfpConnection, run_id: str) -> Run:
    """The run.

    Raises:
        KfpAbsent: there is none.
        KfpError: the API refused or did not answer.
    """
    service = kfp_server_api.RunServiceApi(connection.client)
    return _run(connection, connection.read(f"read the run {run_id}", service.run_service_get_run, run_id=run_id))


def terminate(connection: KfpConnection, run_id: str) -> None:
    """Ask for the end of a run, again while the API is away; one that has ended is left as it is.

    Raises:
        KfpError: the API refused, or did not answer in any of the tries.
    """
    service = kfp_server_api.RunServiceApi(connection.client)
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(_TERMINATE_ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=0.2, max=5, jitter=0.3),
        retry=tenacity.retry_if_exception(may_pass),
        reraise=True,
    )
    retrying(connection.write, f"terminate the run {run_id}", service.run_service_terminate_run, run_id=run_id)


def wait(connection: KfpConnection, run_id: str, seconds: float, tell: Callable[[Run], None] = lambda run: None) -> Run:
    """Follow a run until it has ended.

    Args:
        seconds: how long to look; an API that is away meanwhile is asked again until then.
        tell: hears the run at each change of its state.

    Returns:
        The run as it was seen last: not ``ended`` when the time was over before.

    Raises:
        KfpError: the API refused, or it never answered.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_LOOK
    seen: Run | None = None
    while True:
        try:
            run = get(connection, run_id)
        except KfpError as error:
            if 200 <= error.status < 500 or (seen is None and time.monotonic() >= deadline):
                raise
            _log.warning("the state of run %s is not known for the moment: %s", run_id, error)
        else:
            if seen is None or run.state != seen.state:
                tell(run)
                pause = _FIRST_LOOK
            seen = run
        left = deadline - time.monotonic()
        if seen and (seen.ended or left <= 0):
            return seen
        time.sleep(max(0.0, min(pause, left)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _run(connection: KfpConnection, found: Any) -> Run:
    error = found.error.message if found.error and found.error.message else ""
    run_id = identified(found.run_id, "a run", connection.host)
    return Run(run_id, found.display_name or "", str(found.state or ""), error)
