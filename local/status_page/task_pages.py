"""The page of one task, its log and its files."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from kfp_lifecycle.local.kfp_api import states, tasks
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.tasks import Task
from kfp_lifecycle.local.status_page import run_files, task_values
from kfp_lifecycle.local.status_page.run_pages import find
from kfp_lifecycle.local.status_page.site import Site, missing, render

# A report is a stranger's page: no scripts, no origin, nothing fetched, framed by our pages only.
_REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def task_page(request: Request, site: Site) -> Response:
    """One task of a run."""
    run, task = _find(request, site)
    log = _log(run, task)
    found, more = run_files.artifacts(task.directory if _is_of(run, task) else "", task_values.artifacts(task.outputs))
    return render(
        request,
        site,
        "task.html",
        run=run,
        task=task,
        tail=run_files.tail(log) if log else None,
        artifacts=found,
        more=more,
        reports=[each for each in found if each.is_html and each.size <= run_files.LARGEST_REPORT],
        inputs=task_values.parameters(task.inputs),
        outputs=task_values.parameters(task.outputs),
        given=task_values.given(task, tasks.of_run(site.connections.connection, run.id)),
        unfinished=task.state in states.ACTIVE,
    )


def task_log(request: Request, site: Site) -> Response:
    """The whole log, as it was written."""
    run, task = _find(request, site)
    log = _log(run, task)
    if log is None:
        raise missing("log of this task yet")
    return _file(log, "text/plain; charset=utf-8", _FILE_POLICY, f"{run.id}-{task.number}.log")


def task_report(request: Request, site: Site) -> Response:
    """An HTML artifact, in a sandbox wherever it is shown."""
    file = _artifact(request, site)
    if file.stat().st_size > run_files.LARGEST_REPORT:
        raise HTTPException(413, "This report is too large to be shown. Download it from the task's page.")
    return _file(file, "text/html; charset=utf-8", _REPORT_POLICY)


def task_file(request: Request, site: Site) -> Response:
    """An artifact, to be saved."""
    file = _artifact(request, site)
    return _file(file, "application/octet-stream", _FILE_POLICY, file.name)


def _file(path: Path, kind: str, policy: str, name: str | None = None) -> Response:
    headers = {"Content-Security-Policy": policy}
    return FileResponse(path, headers=headers, media_type=kind, filename=name)


def _find(request: Request, site: Site) -> tuple[Run, Task]:
    run = find(request, site)
    task = tasks.get(site.connections.connection, run.id, request.path_params["number"])
    if task is None:
        raise missing("such task in this run")
    return run, task


def _is_of(run: Run, task: Task) -> bool:
    """Whether the task's folder lies in the run's: a cached task's lies in another one's, and is not told."""
    if not run.directory or not task.directory:
        return False
    return Path(task.directory).resolve().is_relative_to(Path(run.directory).resolve())


def _artifact(request: Request, site: Site) -> Path:
    run, task = _find(request, site)
    file = run_files.inside(task.directory, request.path_params["path"]) if _is_of(run, task) else None
    if file is None:
        raise missing("such file of this task")
    return file


def _log(run: Run, task: Task) -> Path | None:
    return run_files.inside(run.directory, task.log)
