"""The model as KServe sees it: its readiness, its metadata, and requests that come over gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter, time
from typing import Any

import orjson
from kserve.errors import InferenceError, InvalidInput
from kserve.model import Model
from kserve.protocol.infer_type import InferRequest, InferResponse

from kfp_lifecycle.serving.exchange import OK, Call, Exchange, Protocol
from kfp_lifecycle.serving.metrics import InferenceMetrics
from kfp_lifecycle.serving.prediction_threads import PredictionThreads
from kfp_lifecycle.serving.predictions import LABELS
from kfp_lifecycle.serving.protocol_v2 import label_datatype
from kfp_lifecycle.serving.refusal import Refusal
from kfp_lifecycle.serving.request_marks import RequestMarks, marks_of
from kfp_lifecycle.serving.tensors import DATATYPE_OF


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _document(request: InferRequest) -> dict[str, Any]:
    """A gRPC request as the document that the same request over HTTP has."""
    inputs = []
    for tensor in request.inputs:
        try:
            data = tensor.as_numpy().ravel().tolist() if tensor.data is None else list(tensor.data)
        except (ValueError, TypeError, InvalidInput) as error:
            raise InvalidInput(f"tensor {tensor.name!r}: {error}") from error
        inputs.append(
            {
                "name": tensor.name,
                "shape": list(tensor.shape),
                "datatype": tensor.datatype,
                "data": [_text(value) for value in data],
            }
        )
    outputs = [{"name": output.name} for output in request.request_outputs or ()]
    return {"id": request.id or None, "inputs": inputs, "outputs": outputs}


def _marks(metadata: Mapping[str, str] | None) -> RequestMarks:
    """The marks in the metadata of a gRPC call, which are its headers."""
    pairs = ((name.lower().encode(), str(value).encode()) for name, value in (metadata or {}).items())
    return marks_of(pairs, time())


class ServedModel(Model):
    """The model in KServe's registry. It is ready from the start: it was proved before it got here."""

    def __init__(self, exchange: Exchange, threads: PredictionThreads, metrics: InferenceMetrics) -> None:
        super().__init__(exchange.name)
        self.exchange = exchange
        self.threads = threads
        self.metrics = metrics
        self.ready = True

    async def predict(
        self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None
    ) -> InferResponse:
        """Answer a gRPC request; HTTP requests never come here."""
        if not isinstance(payload, InferRequest):
            raise InvalidInput("expected an Open Inference request")
        started = perf_counter()
        marks = _marks(headers)
        try:
            answer = await self.threads.submit(Call(Protocol.V2, orjson.dumps(_document(payload)), marks))
        except (Refusal, InvalidInput) as error:
            self.metrics.count(getattr(error, "status", 400), perf_counter() - started)
            self._ignore()
            raise InvalidInput(str(error)) from error
        self.metrics.count(answer.status, perf_counter() - started)
        if not answer.request_id:
            self._ignore()
        document = orjson.loads(answer.body)
        if answer.status != OK:
            raise (InvalidInput if answer.status < 500 else InferenceError)(document["error"])
        return InferResponse.from_rest(document)

    def _ignore(self) -> None:
        if self.exchange.log is not None:
            self.exchange.log.ignore()

    def get_input_types(self) -> list[dict[str, Any]]:
        """One tensor per column, of any number of rows."""
        return [
            {"name": column.name, "datatype": DATATYPE_OF[column.type], "shape": [-1]}
            for column in self.exchange.signature.columns
        ]

    def get_output_types(self) -> list[dict[str, Any]]:
        """The tensors that a request may name in its outputs."""
        estimator = self.exchange.estimator
        datatype = label_datatype(estimator.classes) if estimator.classes else "FP64"
        width = len(estimator.classes or ())
        return [
            {"name": name, "datatype": datatype, "shape": [-1]}
            if name == LABELS
            else {"name": name, "datatype": "FP64", "shape": [-1, width]}
            for name in estimator.available
        ]
