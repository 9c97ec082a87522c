"""A login page answers 200 to everything: it is no KFP, has no runs and no experiments, and starts nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.doctor.stand_in import KFP_HEALTH, Api, api

from kfp_lifecycle.adapters import kfp_connection, kfp_experiments, kfp_pipelines, kfp_runs
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_runs import RunRequest

__all__ = ["api"]

LOGIN = "<!doctype html><html><title>Log in to your account</title><form action='/dex/auth'></form></html>"
API = "/apis/v2beta1"


@pytest.mark.parametrize(
    "body", [LOGIN, "", "[]", '"ok"', "5", "null", "{}", '{"status": "ok"}', '{"multi_user": "no"}']
)
def test_what_does_not_answer_as_kfp_does_is_none(api: Api, body: str) -> None:
    api.paths[KFP_HEALTH] = (200, body)
    with pytest.raises(KfpError, match="not as KFP does"):
        kfp_connection.connect(api.url)


def test_a_ui_whose_api_is_not_ready_is_told_from_a_stranger(api: Api) -> None:
    # What the UI answers for an API server that it never reached.
    api.paths[KFP_HEALTH] = {"apiServerReady": False, "buildDate": "", "frontendTagName": "2.17.0"}
    with pytest.raises(KfpError, match="not ready") as raised:
        kfp_connection.connect(api.url)
    assert raised.value.status == 503


ASKED: dict[str, Callable[[KfpConnection], Any]] = {
    "runs": lambda kfp: kfp_runs.create(kfp, RunRequest("e", spec={}), "one"),
    "runs/r": lambda kfp: kfp_runs.get(kfp, "r"),
    "runs?": lambda kfp: kfp_runs.find(kfp, "one"),
    "runs/r:terminate": lambda kfp: kfp_runs.terminate(kfp, "r"),
    "experiments": lambda kfp: kfp_experiments.ensure(kfp, "ci"),
    "pipelines": lambda kfp: kfp_pipelines.find_pipeline(kfp, "retrain"),
}


@pytest.mark.parametrize("path", ASKED)
def test_a_session_that_ends_after_the_first_answer_is_an_error_and_no_empty_answer(api: Api, path: str) -> None:
    api.paths[KFP_HEALTH] = {"multi_user": False}
    kfp = kfp_connection.connect(api.url)
    api.paths[f"{API}/{path.rstrip('?')}"] = (200, LOGIN)
    with pytest.raises(KfpError, match="not as KFP does") as raised:
        ASKED[path](kfp)
    assert raised.value.status == 200
    assert not kfp_runs.surely_not_started(raised.value)


@pytest.mark.parametrize("body", [{}, {"run_id": ""}, {"display_name": "one"}])
def test_a_run_without_an_id_is_none(api: Api, body: dict[str, str]) -> None:
    api.paths.update({KFP_HEALTH: {"multi_user": False}, f"{API}/runs": body})
    with pytest.raises(KfpError, match="without an id"):
        kfp_runs.create(kfp_connection.connect(api.url), RunRequest("e", spec={}), "one")


@pytest.mark.parametrize("found", [{"display_name": "ci"}, {}])
def test_an_experiment_without_an_id_is_none(api: Api, found: dict[str, str]) -> None:
    def experiments(request: Any) -> dict[str, Any]:
        return found if request.method == "POST" else {"experiments": [found] if found else []}

    api.paths.update({KFP_HEALTH: {"multi_user": False}, f"{API}/experiments": experiments})
    with pytest.raises(KfpError, match="without an id"):
        kfp_experiments.ensure(kfp_connection.connect(api.url), "ci")


def test_a_login_page_while_a_run_is_followed_ends_the_wait(api: Api) -> None:
    api.paths.update({KFP_HEALTH: {"multi_user": False}, f"{API}/runs/r": (200, LOGIN)})
    with pytest.raises(KfpError, match="not as KFP does"):
        kfp_runs.wait(kfp_connection.connect(api.url), "r", 600)
