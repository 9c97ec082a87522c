"""Starts the runs that a delivery asks for, each at most once, and says in HTTP's terms why it could not."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import HTTPException

from kfp_lifecycle.adapters import kfp_connection, kfp_requests, kubernetes_connection, retrains, single_runs
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_runs import RunRequest
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.adapters.reservations import Withdrawn
from kfp_lifecycle.adapters.retrains import Training
from kfp_lifecycle.adapters.single_runs import Started, Starter, StartPending
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import LEASE, ReservationError
from kfp_lifecycle.core.retraining import Cause
from kfp_lifecycle.triggers.deliveries import Wanted

_LONGEST_RETRY = 30.0  # seconds; a sender may ask earlier than a lease ends
_AWAY_RETRY = 10.0
# What is wrong with these is repaired at this server, and neither in its mapping nor by a sender.
_SETTINGS = {settings.KFP_ENDPOINT, settings.KFP_TOKEN_FILE, settings.KFP_CA_FILE, "KUBECONFIG"}

_log = logging.getLogger(__name__)


@dataclass
class Backends:
    """The two APIs; KFP is connected to when it first answers.

    Attributes:
        namespace: of the runs on a multi-user KFP, and of the reservations.
    """

    kubernetes: Connection
    namespace: str
    lease: timedelta = LEASE
    _kfp: KfpConnection | None = None
    _failed: KfpError | None = None
    _ask_again_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def starter(self) -> Starter:
        """What a start needs.

        Raises:
            InputError: no KFP API is configured.
            KfpError: it does not answer.
        """
        with self._lock:
            if self._kfp is None:
                if self._failed and time.monotonic() < self._ask_again_at:
                    # Deliveries that wait for the same answer must not ask for it one after the other.
                    raise self._failed
                self._kfp = self._connected()
            return Starter(self.kubernetes, self._kfp, self.namespace, self.lease)

    def _connected(self) -> KfpConnection:
        try:
            return kfp_connection.connect(namespace=self.namespace)
        except KfpError as error:
            self._failed, self._ask_again_at = error, time.monotonic() + _AWAY_RETRY / 2
            raise


def backends(namespace: str, lease: timedelta) -> Backends:
    """The APIs of this process's settings.

    Raises:
        InputError: one of them is not configured.
    """
    found = Backends(kubernetes_connection.connect(), namespace or kubernetes_connection.own_namespace(), lease)
    try:
        found.starter()
    except KfpError as error:
        _log.warning("deliveries are answered 503 until the KFP API is there: %s", error)
    return found


@dataclass(frozen=True)
class Held:
    """A retrain that is not started, as a limit forbids it or another one is running; another delivery may ask again.

    Attributes:
        outcome: of ``core.retraining.RetrainOutcome``.
    """

    outcome: str
    reason: str


def start(apis: Backends, wanted: Wanted) -> Started | Held:
    """The run that an event asks for, or why its model is not retrained now.

    Raises:
        HTTPException: 503 when another try may work, also after a setting of this server was
            repaired, with the time after which; 502 when an API refuses this server;
            422 when the mapping and the pipeline do not fit. Nothing was started, or it is found by the next try.
    """
    try:
        starter = apis.starter()
        found = _retrained(starter, wanted, wanted.cause) if wanted.cause else _started(starter, wanted)
    except Withdrawn as error:
        raise _later(str(error), _AWAY_RETRY) from error
    except StartPending as error:
        raise _later(str(error), error.seconds) from error
    except (KfpError, KubernetesError) as error:
        if error.status in (0, 429) or error.status >= 500:
            raise _later(str(error), _AWAY_RETRY) from error
        _log.error("rule %s: %s", wanted.rule.name, error)
        raise HTTPException(502, str(error)) from error
    except ReservationError as error:
        _log.error("rule %s: %s", wanted.rule.name, error)
        raise HTTPException(502, str(error)) from error
    except InputError as error:
        _log.error("rule %s: %s", wanted.rule.name, error)
        if error.parameter in _SETTINGS:
            # Paths of this machine are nothing for a sender.
            said = f"the server's setting {error.parameter} cannot be used for now; its log says why"
            raise HTTPException(503, said, {"Retry-After": str(math.ceil(_AWAY_RETRY))}) from error
        raise HTTPException(422, f"rule {wanted.rule.name!r}: {error}") from error
    _log.info("rule %s: %s for %s", wanted.rule.name, found, wanted.key)
    return found


def _started(starter: Starter, wanted: Wanted) -> Started:
    return single_runs.start(starter, wanted.key, wanted.rule.pipeline, lambda: _request(starter, wanted))


def _retrained(starter: Starter, wanted: Wanted, cause: Cause) -> Started | Held:
    rule = wanted.rule
    assert rule.retrain
    training = Training(rule.pipeline, "", wanted.parameters, rule.experiment, rule.service_account)
    made = retrains.retrain(starter, cause, rule.retrain.limits, training)
    if made.how is None:
        return Held(str(made.decision.outcome), "; ".join(made.decision.reasons))
    return Started(made.run_id, made.run_name, made.how)


def _request(starter: Starter, wanted: Wanted) -> RunRequest:
    rule = wanted.rule
    return kfp_requests.of_pipeline(
        starter.kfp, rule.pipeline, wanted.parameters, rule.experiment, rule.service_account
    )


def _later(said: str, seconds: float) -> HTTPException:
    _log.warning("%s", said)
    return HTTPException(503, said, {"Retry-After": str(math.ceil(min(seconds, _LONGEST_RETRY)))})
