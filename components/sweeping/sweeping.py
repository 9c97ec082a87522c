"""End the releases whose holders are gone: the last resort behind every killed pod and exit handler."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, release_records
from kfp_lifecycle.adapters.champion_alias import mirror_champion
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_endings import Ending, end_release
from kfp_lifecycle.adapters.release_takeovers import take_over
from kfp_lifecycle.adapters.release_writes import read_record
from kfp_lifecycle.components.sweeping.clashes import Named, clashes
from kfp_lifecycle.components.sweeping.outcome import Outcome
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import step_entry
from kfp_lifecycle.core.release import Release, Superseded, check_environment

# How long one service may take to follow, so that the others get their turn.
_SECONDS = 120


class Unswept(RuntimeError):
    """Some services could not be swept; the others were."""


@dataclass(frozen=True)
class _Swept:
    """What was done to one service, what could not be done and needs a user, and what the next sweep does.

    Attributes:
        named: the champion that it names, for the alias.
    """

    done: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    named: Named | None = None


@step_entry
def sweep(
    decision: Artifact, report: Artifact, namespace: str = "", environment: str = "", run_id: str = ""
) -> tuple[str]:
    """End each release past its expiry, and repair each champion's alias.

    A release whose version is champion already is finished; of any other the service is put back to what was
    recorded before it. An alias that two services would move in turns is left alone.

    Args:
        decision: gets decision.json.
        report: gets the decision as a page.
        namespace: empty means the pod's own.
        environment: sweep this one only; empty takes all.
        run_id: who holds a release while it is ended.

    Returns:
        restored or nothing_to_do.

    Raises:
        InputError: an argument cannot be used; nothing was written.
        Unswept: names each service that could not be swept, after all others were.
    """
    place = namespace or kubernetes_connection.own_namespace()
    if environment:
        check_environment(environment)
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, place)
    holder = run_id or uuid.uuid4().hex
    services = release_records.services(connection, place)
    swept = [
        _contained(service, partial(_sweep_one, connection, service, place, environment, holder))
        for service in services
    ]
    named = [each.named for each in swept if each.named]
    clash = clashes(named)
    sure = [each for each in named if each.service not in clash]
    swept += [_contained(each.service, partial(_mirrored, connection, place, each)) for each in sure]
    swept.append(_Swept(notes=tuple(dict.fromkeys(clash.values()))))
    done = [line for each in swept for line in each.done]
    failures = [line for each in swept for line in each.failures]
    notes = [line for each in swept for line in each.notes]
    reasons = [*failures, *done, *notes] or [f"none of {len(services)} services has an abandoned release"]
    numbers = {"services": len(services), "actions": len(done), "failures": len(failures)}
    inputs = {"namespace": place, "environment": environment or "any", "run_id": holder}
    decided = Decision(Outcome.RESTORED if done else Outcome.NOTHING_TO_DO, reasons, numbers, inputs)
    save_decision(decided, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    sections = [html.decision_section(decided), html.Section("Sweep", html.mapping_table(inputs))]
    Path(report.path).write_text(html.page(f"Sweep of {place}", sections), encoding="utf-8")
    print(f"{place}: {decided.outcome}", *reasons, sep="\n  ", flush=True)
    if failures:
        raise Unswept(f"{len(failures)} of {len(services)} services need a look: {'; '.join(failures)}")
    return (str(decided.outcome),)


def _contained(service: str, sweep_it: Callable[[], _Swept]) -> _Swept:
    """What was done to one service; its failure keeps no other from being swept."""
    try:
        return sweep_it()
    except (RuntimeError, ValueError, OSError) as error:
        return _Swept(failures=(f"{service}: {type(error).__name__}: {error}",))


def _sweep_one(connection: Connection, service: str, namespace: str, environment: str, run_id: str) -> _Swept:
    record = read_record(connection, service, namespace)
    if environment and record.environment != environment:
        return _Swept()
    done: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if record.open and record.open.expired(now()):
        try:
            done, failures = _ended(connection, service, namespace, record.open, run_id)
        except Superseded as error:
            notes = (f"{service}: {error}",)
    live = inference_services.read(connection, service, namespace)
    champion = live.champion_version if live else ""
    named = Named(service, live.model, record.environment, champion) if live and champion else None
    return _Swept(done, failures, notes, named)


def _mirrored(connection: Connection, namespace: str, named: Named) -> _Swept:
    moved, notes = mirror_champion(connection, named.service, namespace, named.environment)
    done = (f"{named.service}: the champion's alias was repaired",) if moved else ()
    return _Swept(done, notes=tuple(f"{named.service}: {note}" for note in notes))


def _ended(
    connection: Connection, service: str, namespace: str, seen: Release, run_id: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was done, and what could not be."""
    who = f"{service}: release {seen.epoch} of run {seen.run_id!r} was abandoned"
    held = take_over(
        connection,
        service,
        namespace,
        seen,
        run_id=run_id,
        seconds=_SECONDS,
        still=lambda release: release.expired(now()),
    )
    ended = end_release(connection, service, namespace, held, seconds=_SECONDS, why="abandoned, and swept")
    said = (f"{who}: {'; '.join(ended.reasons)}",)
    return ((), said) if ended.ending is Ending.UNRESTORED else (said, ())
