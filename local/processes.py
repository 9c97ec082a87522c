"""Child processes of the local cluster: started so that they die with it, found again if they did not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

# Every process of a cluster carries its state folder under this name, grandchildren too. That is how processes
# that outlived a crash are told from everybody else's.
MARK = "KFP_LIFECYCLE_LOCAL_CHILD_OF"
_LAUNCHER = Path(__file__).with_name("launcher.py")


def start(
    command: Sequence[str], *, log: Path, state: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; its output is appended to ``log``.

    The kernel kills the child when the calling *thread* ends, so call this from a thread that lives as long as the
    supervisor.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**(os.environ if environment is None else environment), MARK: str(state)},
            start_new_session=True,
        )


def marked(state: Path, *, name: str = MARK) -> list[psutil.Process]:
    """The processes that belong to the cluster of this state folder, without the caller and its ancestors.

    With another ``name``: those that carry the folder under that one.
    """
    me = psutil.Process()
    spared = {me.pid, *(parent.pid for parent in me.parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in spared and process.environ().get(name) == str(state):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def ask(processes: Iterable[psutil.Process]) -> None:
    """Ask the processes to end, by SIGTERM."""
    for process in processes:
        _signal(process, kill=False)


def stop(processes: Iterable[psutil.Process], *, grace_seconds: float) -> None:
    """Ask the processes to end, and kill those that have not within the grace period."""
    wanted = list(processes)
    for process in wanted:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(wanted, timeout=grace_seconds)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=5)


def alive(pid: int, created: float) -> bool:
    """Whether the process still runs; a reused process id does not count."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
            # A stopped process (SIGSTOP) would keep the SIGTERM pending for ever.
            process.resume()
    except psutil.NoSuchProcess:
        return
