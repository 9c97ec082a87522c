"""Requests in, answers out: decoding, checks, one prediction for many requests, encoding."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core.logged_rows import CHECK_ID
from kfp_lifecycle.serving.estimator import ServedEstimator
from kfp_lifecycle.serving.far_values import Ranges, far_value
from kfp_lifecycle.serving.frames import FrameMaker
from kfp_lifecycle.serving.input_checks import check_columns
from kfp_lifecycle.serving.predictions import Output, Predictions
from kfp_lifecycle.serving.protocol_v1 import read_v1, write_v1
from kfp_lifecycle.serving.protocol_v2 import read_v2, request_id, wanted_outputs, write_v2
from kfp_lifecycle.serving.refusal import BAD_VALUES, MALFORMED, Refusal
from kfp_lifecycle.serving.request_marks import NO_MARKS, RequestMarks, new_id, usable_id
from kfp_lifecycle.serving.rows import Rows, joined

if TYPE_CHECKING:
    from kfp_lifecycle.core.model import Signature
    from kfp_lifecycle.serving.payload_log import PayloadLog

logger = logging.getLogger("kfp_lifecycle.serving")

OK = 200
MODEL_FAILED = 500


class Protocol(StrEnum):
    V1 = "v1"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class Call:
    """The body of one request, and what its headers say of it."""

    protocol: Protocol
    body: bytes
    marks: RequestMarks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; ``request_id`` is empty for one that was made before the request was read."""

    status: int
    body: bytes
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    position: int
    protocol: Protocol
    rows: Rows
    parts: tuple[str, ...]
    identifier: str
    marks: RequestMarks
    size: int
    refusal: Refusal | None


def _is_check(question: _Question) -> bool:
    return question.marks.request_id.startswith(CHECK_ID)


class Exchange:
    """Answers the requests for one model. Safe to use from several threads.

    Args:
        name: the model's name in the protocols.
        version: the registered version, which answers carry.
        estimator: the fitted estimator.
        signature: its columns.
        output: what an answer holds when the request does not say.
        checked: whether values are compared with the signature.
        decode, encode: JSON.
        rows_at_once: how many rows of different requests may go to the model in one call.
        ranges: of the training's values, to tell a client's fault from the model's when it fails.

    Attributes:
        log: gets every row that could be read, once it is set; those of our own steps' checks are no user's.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        estimator: Any,
        signature: Signature,
        decode: Callable[[bytes], Any],
        encode: Callable[[Any], bytes],
        output: Output = Output.LABELS,
        checked: bool = True,
        rows_at_once: int = 256,
        ranges: Ranges | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.signature = signature
        self.estimator = ServedEstimator(estimator, signature)
        self._default_parts = self.estimator.parts(output)
        self._frames = FrameMaker(signature)
        self._types = {column.name: column.type for column in signature.columns}
        self._names = list(self._types)
        self._checked = checked
        self._decode = decode
        self._encode = encode
        self._rows_at_once = rows_at_once
        self._ranges = ranges or {}
        self.log: PayloadLog | None = None

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """One answer per call, in order; never raises for what a client can send."""
        answers: list[Answer | None] = [None] * len(calls)
        group: list[_Question] = []
        grouped = 0
        for position, call in enumerate(calls):
            try:
                question = self._question(position, call)
            except Refusal as refusal:
                answers[position] = self.error(refusal.status, refusal.message)
                continue
            if question.refusal is not None:
                refused = self.error(question.refusal.status, question.refusal.message)
                self._conclude(question, refused, answers)
                continue
            if self.log is not None and _is_check(question):
                self._predict([question], answers)
                continue
            if group and grouped + question.rows.count > self._rows_at_once:
                self._predict(group, answers)
                group, grouped = [], 0
            group.append(question)
            grouped += question.rows.count
        if group:
            self._predict(group, answers)
        return [answer if answer is not None else self._failed() for answer in answers]

    def error(self, status: int, message: str) -> Answer:
        """An error in the form that KServe gives it."""
        return Answer(status, self._encode({"error": message}))

    def predict(self, rows: Rows, parts: tuple[str, ...]) -> Predictions:
        """Answers to rows that passed the checks; raises whatever the model raises."""
        return self.estimator.predict(self._frames.frame(rows), parts)

    def _failed(self) -> Answer:
        return self.error(MODEL_FAILED, f"model {self.name!r} version {self.version} failed on this request")

    def _question(self, position: int, call: Call) -> _Question:
        """What a call asks; it holds a refusal where its rows were read but cannot be answered.

        Raises:
            Refusal: its rows cannot be read.
        """
        try:
            document = self._decode(call.body)
        except ValueError as error:
            raise Refusal(f"the body is not JSON: {error}") from error
        is_v1 = call.protocol is Protocol.V1
        rows = read_v1(document, self._names) if is_v1 else read_v2(document, self._types, self._checked)
        parts, identifier, refusal = self._default_parts, None, None
        try:
            if not is_v1:
                parts = wanted_outputs(document, self.estimator.available, parts)
                identifier = request_id(document)
            if self._checked:
                check_columns(self.signature, rows.columns)
        except Refusal as error:
            refusal = error
        marks = call.marks
        if not marks.request_id.startswith(CHECK_ID):
            # The body's id is the caller's own; a gateway may have made the header's.
            chosen = usable_id(identifier) or marks.request_id or new_id()
            marks = RequestMarks(chosen, marks.event_time, marks.arrival)
        if identifier is None:
            identifier = marks.request_id
        return _Question(position, call.protocol, rows, parts, identifier, marks, len(call.body), refusal)

    def _predict(self, group: list[_Question], answers: list[Answer | None]) -> None:
        wanted = {part for question in group for part in question.parts}
        if self.log is not None and self.estimator.together:
            wanted = set(self.estimator.available)
        parts = tuple(part for part in self.estimator.available if part in wanted)
        rows = joined([question.rows for question in group])
        try:
            predictions = self.predict(rows, parts)
        except Exception as error:  # noqa: BLE001 - an estimator may raise anything; the server has to live on
            if len(group) > 1:
                # One request's values may be to blame: the others get their own chance.
                for question in group:
                    self._predict([question], answers)
                return
            self._conclude(group[0], self._blamed(error, group[0].rows), answers)
            return
        start = 0
        for question in group:
            stop = start + question.rows.count
            answers[question.position] = self._written(question, predictions.slice(start, stop, question.parts))
            start = stop
        self._log(group, rows, OK, predictions)

    def _conclude(self, question: _Question, error: Answer, answers: list[Answer | None]) -> None:
        """Answer a question with an error."""
        answers[question.position] = Answer(error.status, error.body, question.marks.request_id)
        self._log([question], question.rows, error.status, None)

    def _log(self, group: list[_Question], rows: Rows, status: int, predictions: Predictions | None) -> None:
        if self.log is None:
            return
        if _is_check(group[0]):
            self.log.ignore()
            return
        self.log.offer(
            [question.marks for question in group],
            [question.rows.count for question in group],
            rows,
            status,
            predictions,
            fit=self._checked and group[0].refusal is None,
            body_bytes=sum(question.size for question in group),
        )

    def _blamed(self, error: Exception, rows: Rows) -> Answer:
        """The answer to a request on which the model failed."""
        if found := far_value(rows, self._names, self._ranges):
            return self.error(BAD_VALUES, found)
        if not self._checked and isinstance(error, (TypeError, ValueError, OverflowError)):
            return self.error(MALFORMED, "the model could not use the values of this request")
        logger.error("the model failed: %s: %s", type(error).__name__, error)
        return self._failed()

    def _written(self, question: _Question, predictions: Predictions) -> Answer:
        if question.protocol is Protocol.V1:
            return Answer(OK, self._encode(write_v1(predictions)), question.marks.request_id)
        document = write_v2(predictions, question.parts, self.name, self.version, question.identifier)
        return Answer(OK, self._encode(document), question.marks.request_id)
