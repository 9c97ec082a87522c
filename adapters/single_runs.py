"""A run that is started at most once a key, whoever asks how often, and whatever dies in between.

The order of the writes is what makes it so: the reservation, then the run, then the run's id in the reservation. The
first id that is written there is *the* run. Whoever finds another id after starting its own terminates its own: that
can only happen to a caller that was frozen for longer than half of its lease between its look at the clock and its
request, as no request is begun later.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kfp_lifecycle.adapters import clock, kfp_runs, reservations
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_runs import Run, RunRequest
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict, KubernetesError
from kfp_lifecycle.adapters.reservations import Stored
from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import LEASE, Reservation, Step

PATIENCE = 10.0  # seconds to wait for another caller that is starting the run
_LOOKS = 0.25, 2.0  # seconds between the first two looks at its reservation, and between later ones
_ATTEMPTS = 50  # of writes that another caller was faster with

_log = logging.getLogger(__name__)


class How(StrEnum):
    """Where a run came from."""

    STARTED = "started"  # by this call
    ADOPTED = "adopted"  # by an earlier one that died before it could record it
    BEFORE = "before"  # it was recorded


class StartPending(RuntimeError):
    """Another caller holds the reservation, and no run is known yet; ask again in ``seconds``."""

    def __init__(self, key: str, seconds: float) -> None:
        self.seconds = max(1.0, seconds)
        super().__init__(
            f"another caller has reserved {key!r} and not yet recorded a run; if it died, the reservation can be taken "
            f"over in {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class Started:
    """The run of a key."""

    run_id: str
    run_name: str
    how: How


@dataclass(frozen=True)
class Starter:
    """What a start needs, but for its key.

    Attributes:
        namespace: of the reservations.
        lease: after which a holder without a record may be taken for dead.
    """

    kubernetes: Connection
    kfp: KfpConnection
    namespace: str
    lease: timedelta = LEASE
    patience: float = PATIENCE


def start(starter: Starter, key: str, prefix: str, request: Callable[[], RunRequest], *, content: str = "") -> Started:
    """The run of a key, started if there is none.

    Args:
        key: what may happen once in the namespace; ``core.reservation.check_key`` says which texts can be one.
        prefix: the run's name begins with it.
        request: makes what to run, with all that it takes of KFP; called only when a run is to be started, and if
            possible before anything is reserved.
        content: fingerprint of what the run is made from: other content than that of the key's last run starts the
            next one. Empty: the key alone counts.

    Raises:
        InputError: the key cannot be one.
        StartPending: another caller is starting it.
        KfpError: KFP refused or is away. Unless it may have started the run all the same, the next caller need not
            wait.
        KubernetesError: the Kubernetes API refused or is away.
    """
    reservation.check_key(key)
    give_up_at, pause, lost = time.monotonic() + starter.patience, _LOOKS[0], 0
    while True:
        stored = reservations.read(starter.kubernetes, key, starter.namespace)
        found, now = stored.reservation if stored else None, clock.now()
        step = reservation.next_step(found, content, now)
        if step is Step.NOTHING and stored and found:
            return _known(starter, stored, How.BEFORE)
        if step is Step.WAIT and found:
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise _pending(found)
            time.sleep(min(left, pause * random.uniform(0.5, 1.5)))
            pause = min(pause * 1.2, _LOOKS[1])
            continue
        # A run that an earlier holder may have left needs no request to be found.
        wanted = request() if step is not Step.TAKE_OVER else None
        mine = reservation.reserved(
            found, key, content, holder=uuid.uuid4().hex, prefix=prefix, now=clock.now(), lease=starter.lease
        )
        held = _hold(starter, stored, mine)
        if held:
            return _start(starter, held, request, wanted)
        lost += 1
        if lost >= _ATTEMPTS:
            raise _pending(found or mine)


def known(starter: Starter, key: str) -> Reservation | None:
    """The reservation of a key, as it stands."""
    stored = reservations.read(starter.kubernetes, key, starter.namespace)
    return stored.reservation if stored else None


def finish(starter: Starter, key: str, run_id: str, outcome: str) -> None:
    """Record the final state of the key's run; without effect when the key has another run by now."""
    for _ in range(_ATTEMPTS):
        stored = reservations.read(starter.kubernetes, key, starter.namespace)
        if stored is None or stored.reservation.run_id != run_id or stored.reservation.outcome:
            return
        try:
            done = reservation.finished(stored.reservation, outcome)
            reservations.write(starter.kubernetes, starter.namespace, stored, done)
            return
        except Conflict:
            continue


def _hold(starter: Starter, stored: Stored | None, mine: Reservation) -> Stored | None:
    """The reservation in this caller's name; None when somebody else was faster."""
    try:
        if stored:
            return reservations.write(starter.kubernetes, starter.namespace, stored, mine)
        return reservations.create(starter.kubernetes, starter.namespace, mine)
    except Conflict:
        # The refusal may be that of a second try, after the answer to the first was lost.
        found = reservations.read(starter.kubernetes, mine.key, starter.namespace)
        return found if found and found.reservation == mine else None


def _start(starter: Starter, held: Stored, request: Callable[[], RunRequest], wanted: RunRequest | None) -> Started:
    mine = held.reservation
    if wanted is None:
        try:
            found = kfp_runs.find(starter.kfp, mine.run_name) or request()
        except (InputError, KfpError, KubernetesError):
            _give_up(starter, held)
            raise
        if isinstance(found, Run):
            return _record(starter, held, found.id, How.ADOPTED)
        wanted = found
    if clock.now() > mine.expires_at - starter.lease / 2:
        # This process stood still: somebody else may be about to take the reservation over.
        raise _pending(mine)
    try:
        run = kfp_runs.create(starter.kfp, wanted, mine.run_name)
    except (InputError, KubernetesError):
        # There was no token to send the request with.
        _give_up(starter, held)
        raise
    except KfpError as error:
        if kfp_runs.surely_not_started(error):
            _give_up(starter, held)
            raise
        # The answer was lost, and perhaps not the request.
        left = kfp_runs.find(starter.kfp, mine.run_name)
        if left is None:
            raise
        return _record(starter, held, left.id, How.STARTED)
    started = _record(starter, held, run.id, How.STARTED)
    _sweep(starter)
    return started


def _record(starter: Starter, held: Stored, run_id: str, how: How) -> Started:
    """Write the run's id into the reservation, unless another one is there: then ours is one too many."""
    stored: Stored | None = held
    generation = held.reservation.generation
    for _ in range(_ATTEMPTS):
        try:
            if stored is None:
                done = reservation.started(held.reservation, run_id)
                stored = reservations.create(starter.kubernetes, starter.namespace, done)
            elif not stored.reservation.run_id and stored.reservation.generation == generation:
                done = reservation.started(stored.reservation, run_id)
                stored = reservations.write(starter.kubernetes, starter.namespace, stored, done)
            if stored.reservation.run_id == run_id:
                return Started(run_id, held.reservation.run_name, how)
            if stored.reservation.run_id:
                _log.error("run %s is one too many for %r and is terminated", run_id, held.reservation.key)
                kfp_runs.terminate(starter.kfp, run_id)
                return _known(starter, stored, How.BEFORE)
            # A caller with newer content holds the reservation: its run is the one that counts.
            kfp_runs.terminate(starter.kfp, run_id)
            raise _pending(stored.reservation)
        except Conflict:
            stored = reservations.read(starter.kubernetes, held.reservation.key, starter.namespace)
    raise _pending(stored.reservation if stored else held.reservation)


def _pending(found: Reservation) -> StartPending:
    return StartPending(found.key, (found.expires_at - clock.now()).total_seconds())


def _give_up(starter: Starter, held: Stored) -> None:
    """Let the next caller try at once; where that cannot be written, it waits for the lease to end."""
    try:
        over = reservation.given_up(held.reservation, clock.now())
        reservations.write(starter.kubernetes, starter.namespace, held, over)
    except KubernetesError as error:
        _log.warning("the reservation %r stays until its lease ends: %s", held.reservation.key, error)


def _known(starter: Starter, stored: Stored, how: How) -> Started:
    kept = reservation.asked_for(stored.reservation, clock.now())
    if kept != stored.reservation:
        # In a conflict another caller keeps it, or its run has just ended.
        with suppress(Conflict):
            reservations.write(starter.kubernetes, starter.namespace, stored, kept)
    return Started(stored.reservation.run_id, stored.reservation.run_name, how)


def _sweep(starter: Starter) -> None:
    """Forget old reservations; the run is started, so nothing of this may fail the call."""
    try:
        reservations.sweep(starter.kubernetes, starter.namespace, clock.now())
    except KubernetesError as error:
        _log.warning("old reservations stay for now: %s", error)
