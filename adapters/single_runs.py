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

from kfp_lifecycle.adapters import clock, kfp_runs
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_runs import Run, RunRequest
from kfp_lifecycle.adapters.kubernetes_errors import Conflict, KubernetesError
from kfp_lifecycle.adapters.reservations import Separately, Store, Stored, Withdrawn
from kfp_lifecycle.adapters.starters import How, Started, Starter, StartPending
from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import Reservation, Step

__all__ = ["How", "StartPending", "Started", "Starter", "finish", "known", "start"]

_LOOKS = 0.25, 2.0  # seconds between the first two looks at its reservation, and between later ones
_ATTEMPTS = 50  # of writes that another caller was faster with

_log = logging.getLogger(__name__)


def start(
    starter: Starter,
    key: str,
    prefix: str,
    request: Callable[[], RunRequest],
    *,
    content: str = "",
    store: Store | None = None,
    admit: Callable[[], None] = lambda: None,
) -> Started:
    """The run of a key, started if there is none.

    Args:
        key: what may happen once in the namespace; ``core.reservation.check_key`` says which texts can be one.
        prefix: the run's name begins with it.
        request: makes what to run, with all that it takes of KFP; called only when a run is to be started, and if
            possible before anything is reserved.
        content: fingerprint of what the run is made from: other content than that of the key's last run starts the
            next one. Empty: the key alone counts.
        store: where the key's reservation is kept; default: a ConfigMap of its own.
        admit: called before anything new is reserved, with what ``store`` has read; it raises what forbids the run.

    Raises:
        InputError: the key cannot be one.
        StartPending: another caller is starting it.
        KfpError: KFP refused or is away. Unless it may have started the run all the same, the next caller need not
            wait.
        KubernetesError: the Kubernetes API refused or is away.
        Withdrawn: the reservation was taken away, and the run that this caller started is terminated.
    """
    reservation.check_key(key)
    kept = store or _separately(starter)
    give_up_at, pause, lost = time.monotonic() + starter.patience, _LOOKS[0], 0
    while True:
        stored = kept.read(key)
        found, now = stored.reservation if stored else None, clock.now()
        step = reservation.next_step(found, content, now)
        if step is Step.NOTHING and stored and found:
            return _known(kept, stored, How.BEFORE)
        if step is Step.WAIT and found:
            left = give_up_at - time.monotonic()
            if left <= 0:
                raise _pending(found)
            time.sleep(min(left, pause * random.uniform(0.5, 1.5)))
            pause = min(pause * 1.2, _LOOKS[1])
            continue
        if step is Step.RESERVE:
            admit()
        # A run that an earlier holder may have left needs no request to be found.
        wanted = request() if step is not Step.TAKE_OVER else None
        mine = reservation.reserved(
            found, key, content, holder=uuid.uuid4().hex, prefix=prefix, now=clock.now(), lease=starter.lease
        )
        held = _hold(kept, stored, mine)
        if held:
            return _start(starter, kept, held, request, wanted)
        lost += 1
        if lost >= _ATTEMPTS:
            raise _pending(found or mine)


def known(starter: Starter, key: str) -> Reservation | None:
    """The reservation of a key, as it stands."""
    stored = _separately(starter).read(key)
    return stored.reservation if stored else None


def finish(starter: Starter, key: str, run_id: str, outcome: str) -> None:
    """Record the final state of the key's run; without effect when the key has another run by now."""
    store = _separately(starter)
    for _ in range(_ATTEMPTS):
        stored = store.read(key)
        if stored is None or stored.reservation.run_id != run_id or stored.reservation.outcome:
            return
        try:
            store.write(stored, reservation.finished(stored.reservation, outcome))
            return
        except Conflict:
            continue


def _separately(starter: Starter) -> Store:
    return Separately(starter.kubernetes, starter.namespace)


def _hold(store: Store, stored: Stored | None, mine: Reservation) -> Stored | None:
    """The reservation in this caller's name; None when somebody else was faster."""
    try:
        return store.write(stored, mine) if stored else store.create(mine)
    except Conflict:
        # The refusal may be that of a second try, after the answer to the first was lost.
        found = store.read(mine.key)
        return found if found and found.reservation == mine else None


def _start(
    starter: Starter, store: Store, held: Stored, request: Callable[[], RunRequest], wanted: RunRequest | None
) -> Started:
    mine = held.reservation
    if wanted is None:
        try:
            found = kfp_runs.find(starter.kfp, mine.run_name) or request()
        except (InputError, KfpError, KubernetesError):
            _give_up(store, held)
            raise
        if isinstance(found, Run):
            return _record(starter, store, held, found.id, How.ADOPTED)
        wanted = found
    if clock.now() > mine.expires_at - starter.lease / 2:
        # This process stood still: somebody else may be about to take the reservation over.
        raise _pending(mine)
    try:
        run = kfp_runs.create(starter.kfp, wanted, mine.run_name)
    except (InputError, KubernetesError):
        # There was no token to send the request with.
        _give_up(store, held)
        raise
    except KfpError as error:
        if kfp_runs.surely_not_started(error):
            _give_up(store, held)
            raise
        # The answer was lost, and perhaps not the request.
        left = kfp_runs.find(starter.kfp, mine.run_name)
        if left is None:
            raise
        return _record(starter, store, held, left.id, How.STARTED)
    started = _record(starter, store, held, run.id, How.STARTED)
    _tidy(store)
    return started


def _record(starter: Starter, store: Store, held: Stored, run_id: str, how: How) -> Started:
    """Write the run's id into the reservation, unless another one is there: then ours is one too many."""
    stored: Stored | None = held
    generation = held.reservation.generation
    for _ in range(_ATTEMPTS):
        try:
            if stored is None:
                stored = store.create(reservation.started(held.reservation, run_id))
            elif not stored.reservation.run_id and stored.reservation.generation == generation:
                stored = store.write(stored, reservation.started(stored.reservation, run_id))
            if stored.reservation.run_id == run_id:
                return Started(run_id, held.reservation.run_name, how)
            if stored.reservation.run_id:
                _log.error("run %s is one too many for %r and is terminated", run_id, held.reservation.key)
                kfp_runs.terminate(starter.kfp, run_id)
                return _known(store, stored, How.BEFORE)
            # A caller with newer content holds the reservation: its run is the one that counts.
            kfp_runs.terminate(starter.kfp, run_id)
            raise _pending(stored.reservation)
        except Conflict:
            stored = store.read(held.reservation.key)
        except Withdrawn:
            _log.error("run %s was started after its reservation was taken away, and is terminated", run_id)
            kfp_runs.terminate(starter.kfp, run_id)
            raise
    raise _pending(stored.reservation if stored else held.reservation)


def _pending(found: Reservation) -> StartPending:
    return StartPending(found.key, (found.expires_at - clock.now()).total_seconds())


def _give_up(store: Store, held: Stored) -> None:
    """Let the next caller try at once; where that cannot be written, it waits for the lease to end."""
    mine, stored = held.reservation, held
    try:
        for _ in range(_ATTEMPTS):
            try:
                store.write(stored, reservation.given_up(mine, clock.now()))
                return
            except Conflict:
                # In a store of several reservations it may be another one that has changed.
                found = store.read(mine.key)
                if found is None or found.reservation != mine:
                    return
                stored = found
    except KubernetesError as error:
        _log.warning("the reservation %r stays until its lease ends: %s", mine.key, error)


def _known(store: Store, stored: Stored, how: How) -> Started:
    kept = reservation.asked_for(stored.reservation, clock.now())
    if kept != stored.reservation:
        # In a conflict another caller keeps it, or its run has just ended.
        with suppress(Conflict):
            store.write(stored, kept)
    return Started(stored.reservation.run_id, stored.reservation.run_name, how)


def _tidy(store: Store) -> None:
    """Forget old reservations; the run is started, so nothing of this may fail the call."""
    try:
        store.tidy(clock.now())
    except KubernetesError as error:
        _log.warning("old reservations stay for now: %s", error)
