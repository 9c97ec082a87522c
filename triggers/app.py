"""The endpoints of the trigger server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel
from starlette.middleware.trustedhost import TrustedHostMiddleware

from kfp_lifecycle.adapters.single_runs import How, Started
from kfp_lifecycle.triggers import alertmanager, authorization, bodies, cloud_events, deliveries, groups, refusals
from kfp_lifecycle.triggers.authorization import LOOPBACK_HOSTS, Unreadable
from kfp_lifecycle.triggers.deliveries import Unmapped
from kfp_lifecycle.triggers.events import Event, Malformed
from kfp_lifecycle.triggers.mapping import Rule
from kfp_lifecycle.triggers.starting import Backends, Held

Body = Annotated[bytes, Depends(bodies.read)]


class Run(BaseModel):
    """One run of the answer; ``started`` is false when an earlier delivery started it."""

    rule: str
    run_id: str
    run_name: str
    started: bool


class HeldRetrain(BaseModel):
    """A retrain that was not started; ``outcome`` and ``reason`` say why."""

    rule: str
    outcome: str
    reason: str


class Answer(BaseModel):
    """What became of a delivery."""

    runs: list[Run]
    held: list[HeldRetrain]
    ignored: int
    unmapped: int


def create_app(rules: Sequence[Rule], apis: Backends, token_file: str = "") -> FastAPI:
    """The app.

    Args:
        token_file: with the shared secret; empty lets in whoever names a loopback host, which a web page that was
            opened on this machine cannot do.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(HTTPException, refusals.answer)
    if not token_file:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK_HOSTS))
    app.include_router(_probes(token_file))
    app.include_router(_deliveries(rules, apis, token_file))
    return app


def _probes(token_file: str) -> APIRouter:
    router = APIRouter()

    # Neither waits for a thread, which slow starts may hold.
    @router.get("/healthz")
    async def healthz() -> str:
        return "ok"

    @router.get("/readyz")
    async def readyz() -> str:
        """Whether it can take deliveries. One that finds KFP away is answered 503 by itself, and sent again."""
        _readable_secret(token_file)
        return "ok"

    return router


def _deliveries(rules: Sequence[Rule], apis: Backends, token_file: str) -> APIRouter:
    def authorize(request: Request) -> None:
        if not token_file:
            return
        _readable_secret(token_file)
        if not authorization.is_authorized(request.headers.get("authorization", ""), token_file):
            raise HTTPException(401, "expected the shared secret", {"WWW-Authenticate": "Bearer", **refusals.CLOSE})

    limiter = CapacityLimiter(groups.AT_ONCE)
    # Dependencies run in this order: nobody's body is read before it is known who sends it.
    router = APIRouter(dependencies=[Depends(authorize)])

    async def carried_out(events: Sequence[Event], response: Response) -> Answer:
        try:
            delivery = deliveries.read(rules, events)
        except Unmapped as error:
            raise HTTPException(404, str(error)) from error
        except Malformed as error:
            raise HTTPException(400, str(error)) from error
        found = await groups.start_all(apis, delivery.wanted, limiter)
        pairs = [(wanted.rule.name, it) for wanted, it in zip(delivery.wanted, found, strict=True)]
        runs = [
            Run(rule=rule, run_id=it.run_id, run_name=it.run_name, started=it.how is not How.BEFORE)
            for rule, it in pairs
            if isinstance(it, Started)
        ]
        held = [
            HeldRetrain(rule=rule, outcome=it.outcome, reason=it.reason) for rule, it in pairs if isinstance(it, Held)
        ]
        response.status_code = 202 if runs else 200
        return Answer(runs=runs, held=held, ignored=delivery.ignored, unmapped=delivery.unmapped)

    @router.post("/alertmanager")
    async def take_alerts(request: Request, body: Body, response: Response) -> Answer:
        # A page in a browser can send other content types across sites without being asked.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "expected application/json")
        return await carried_out(_parsed(lambda: alertmanager.events(body)), response)

    @router.post("/cloudevents")
    async def take_event(request: Request, body: Body, response: Response) -> Answer:
        return await carried_out(_parsed(lambda: [cloud_events.event(request.headers, body)]), response)

    return router


def _parsed(parse: Callable[[], list[Event]]) -> list[Event]:
    try:
        return parse()
    except Malformed as error:
        raise HTTPException(400, str(error)) from error


def _readable_secret(token_file: str) -> None:
    try:
        if token_file:
            authorization.secret(token_file)
    except Unreadable as error:
        raise HTTPException(503, "the shared secret cannot be read", {"Retry-After": "10"}) from error
