"""A reservation of something that must be started once, and what came of it. Pure.

Whoever wants to start it creates the reservation first, and of several callers one can. Its holder starts the run and
then records the run's id. A holder that dies in between leaves a lease that ends: the next caller takes the
reservation over, looks for the run by the name that is written here, and starts one only when there is none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import format_time, parse_time

# To change the format: raise this number, keep a reader of the old one in loads, and a test of both.
FORMAT = 1
LONGEST_KEY = 512
LONGEST_NAME = 200
# Long enough for a request that starts a run, its answer and its record, with clocks that differ by seconds.
LEASE = timedelta(minutes=5)
RETENTION = timedelta(days=30)


class ReservationError(ValueError):
    """The stored reservation cannot be read; the message says what to do."""


class State(StrEnum):
    """How far it has come."""

    RESERVED = "reserved"  # its holder starts the run, or died over it
    STARTED = "started"  # its run is known
    FINISHED = "finished"  # its run has ended, and how is known


class Step(StrEnum):
    """What a caller does with the reservation that it found."""

    RESERVE = "reserve"  # there is none
    WAIT = "wait"  # its holder is at it
    TAKE_OVER = "take_over"  # the lease is over: look for the run, and start it if there is none
    ADVANCE = "advance"  # the run of older content is known: reserve the next one
    NOTHING = "nothing"  # the run is known


@dataclass(frozen=True)
class Reservation:
    """Who may start a run, or which run it is.

    Attributes:
        key: what may happen once.
        content: fingerprint of what the run is made from; empty where the key alone counts.
        generation: counts the contents that the key has had, from 1.
        state: how far it has come.
        holder: a text that one attempt has made for itself.
        expires_at: until when nobody else may take it over.
        run_name: the run's name, by which it is found when its id was lost.
        run_id: empty while it is not known.
        outcome: the final state of the run; empty before.
        kept_until: when it may be forgotten; each caller that asks for it moves this.
    """

    key: str
    content: str
    generation: int
    state: State
    holder: str
    expires_at: datetime
    run_name: str
    kept_until: datetime
    run_id: str = ""
    outcome: str = ""


def check_key(key: str) -> str:
    """The key, if it can be one.

    Raises:
        InputError: it is empty, longer than 512 characters, or holds control characters.
    """
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InputError(
            "once_key",
            key,
            f"1 to {LONGEST_KEY} printable characters",
            "Name what may happen once, for example the commit or the alert with its start time.",
        )
    return key


def digest(key: str) -> str:
    """Sixty-four hexadecimal digits that stand for the key wherever not every character may."""
    return hashlib.sha256(key.encode()).hexdigest()


def run_name(prefix: str, key: str, generation: int, holder: str) -> str:
    """The name under which the run of a key and generation is found; KFP's run names need not be unique.

    The first holder is in it, as generations begin again once a reservation is deleted: the runs of the one before it
    are still known to KFP, and must not be found.
    """
    return f"{prefix[:LONGEST_NAME].rstrip()}-{digest(key)[:20]}-{digest(holder)[:8]}-{generation}"


def next_step(found: Reservation | None, content: str, now: datetime) -> Step:
    """What a caller does that wants a run of the key for this content; empty content is any."""
    if found is None:
        return Step.RESERVE
    if found.state is State.RESERVED:
        return Step.WAIT if now < found.expires_at else Step.TAKE_OVER
    return Step.ADVANCE if content and content != found.content else Step.NOTHING


def reserved(
    found: Reservation | None, key: str, content: str, *, holder: str, prefix: str, now: datetime, lease: timedelta
) -> Reservation:
    """A new reservation, or a found one taken over or advanced; the caller has asked ``next_step``.

    The name of the same generation stays, with its first holder, so that its run is found whoever takes it over.
    """
    known = found.content if found else ""
    wanted = content or known
    if found and found.state is State.RESERVED and wanted == known:
        return replace(found, holder=holder, expires_at=now + lease, kept_until=now + RETENTION)
    generation = found.generation + 1 if found else 1
    name = run_name(prefix, key, generation, holder)
    return Reservation(key, wanted, generation, State.RESERVED, holder, now + lease, name, now + RETENTION)


def started(found: Reservation, run_id: str) -> Reservation:
    """The run is known."""
    return replace(found, state=State.STARTED, run_id=run_id)


def given_up(found: Reservation, now: datetime) -> Reservation:
    """Its holder knows that nothing was started: the next caller need not wait."""
    return replace(found, expires_at=now)


def finished(found: Reservation, outcome: str) -> Reservation:
    """The run has ended."""
    return replace(found, state=State.FINISHED, outcome=outcome)


def asked_for(found: Reservation, now: datetime) -> Reservation:
    """Kept for longer, as somebody still asks for it; unchanged for most callers, so that few of them write."""
    return found if found.kept_until - now > RETENTION * 0.75 else replace(found, kept_until=now + RETENTION)


def dumps(reservation: Reservation) -> str:
    """Canonical JSON."""
    content = asdict(reservation)
    times = {name: format_time(content[name]) for name in ("expires_at", "kept_until")}
    return canonical_json({"format": FORMAT, **content, **times}).decode()


def loads(text: str) -> Reservation:
    """What ``dumps`` wrote.

    Raises:
        ReservationError: it is something else, or of another format.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content.pop("format") != FORMAT:
            raise ReservationError("the reservation was written by another version of kfp-lifecycle: use that one")
        times = {name: parse_time(content[name], name) for name in ("expires_at", "kept_until")}
        return Reservation(**{**content, **times, "state": State(content["state"])})
    except ReservationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReservationError(
            f"the reservation is damaged ({type(error).__name__}: {error}). Delete its ConfigMap once you know whether "
            "its run was started."
        ) from error
