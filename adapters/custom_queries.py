"""The user's own queries: what may be asked of a Prometheus so that its answers can be differenced."""

from __future__ import annotations

import json
import re
from typing import Any

from kfp_lifecycle.adapters.prometheus_presets import QuerySet
from kfp_lifecycle.core.errors import InputError

_ALWAYS = ("requests", "errors")
_REFUSED = "refused"
_LATENCY = ("latency_count", "latency_bucket", "unit")
_PLACEHOLDERS = ("service", "namespace", "arm")
# Texts and comments, whichever begins first: a quote in a comment begins no text.
_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*")
_PLACEHOLDER = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(\w*)\})")
# PromQL reads the names of aggregators in any case.
_RATE = re.compile(
    r"\b(rate|irate|increase|delta|idelta|deriv|changes|resets|predict_linear|holt_winters"
    r"|double_exponential_smoothing|\w+_over_time)\s*\(",
    re.IGNORECASE,
)
_AGGREGATE = re.compile(
    r"\b(sum|avg|count|count_values|min|max|group|stddev|stdvar|topk|bottomk|quantile|limitk|limit_ratio)"
    r"\s*(?:\(|by\b|without\b)",
    re.IGNORECASE,
)
_OWN = re.compile(r"inference_requests_total|request_predict_seconds|inference_request_duration_seconds")
_EXAMPLE = (
    '{"requests": "requests_total{pod=~\\"$arm-.*\\"}", "errors": "requests_total{pod=~\\"$arm-.*\\",code=~\\"5..\\"}"}'
)


def custom_queries(text: str, slo_milliseconds: float) -> QuerySet:
    """The queries of a JSON object, once it is sure that they select raw counters of one arm.

    Raises:
        InputError: they do not.
    """
    given = _parsed(text)
    needed = (*_ALWAYS, *(_LATENCY if slo_milliseconds else ()))
    if missing := [key for key in needed if not given.get(key)]:
        off = "" if slo_milliseconds == 0 else " Latency is left out of the judgement with slo_milliseconds=0."
        raise _refused(text, f"the keys {', '.join(needed)}", f"Add {', '.join(missing)}.{off}")
    if given.get("unit", "ms") not in ("ms", "s"):
        raise _refused(given["unit"], "the unit ms or s, of the histogram's edges", "Write one of them.")
    for key in (*_ALWAYS, _REFUSED, "latency_count", "latency_bucket"):
        if given.get(key):
            _check(key, given[key])
    if own := _OWN.search(given["errors"]):
        raise _refused(
            given["errors"],
            "errors counted before the model server: by a gateway, a mesh or queue-proxy",
            f"{own.group()} is counted by the model server itself, which counts nothing once it crashed.",
        )
    return QuerySet(**given)


def _parsed(text: str) -> dict[str, str]:
    try:
        given: Any = json.loads(text)
    except ValueError as error:
        raise _refused(text, "a JSON object", f"{error}. For example {_EXAMPLE}") from error
    known = (*_ALWAYS, _REFUSED, *_LATENCY)
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise _refused(text, "a JSON object of texts", f"For example {_EXAMPLE}")
    if unknown := sorted(set(given) - set(known)):
        raise _refused(text, f"no other keys than {', '.join(known)}", f"Remove {', '.join(unknown)}.")
    return {key: value.strip() for key, value in given.items()}


def _check(key: str, query: str) -> None:
    named = [first or second for first, second in _PLACEHOLDER.findall(query)]
    if unknown := [name for name in named if name not in _PLACEHOLDERS]:
        raise _refused(query, "the placeholders $service, $namespace and $arm only", f"Repair ${unknown[0]} in {key}.")
    if "arm" not in named:
        raise _refused(query, "$arm in each query", f"Without it both arms have the same counters: add it to {key}.")
    bare = _TEXT.sub(" ", query)
    if found := _RATE.search(bare):
        raise _refused(
            query, "raw counters", f"Take {found.group(1)}() out of {key}: the step differences them itself."
        )
    if "[" in bare:
        raise _refused(query, "raw counters, without a range in brackets", f"Take the range out of {key}.")
    if found := _AGGREGATE.search(bare):
        remedy = f"Take {found.group(1)} out of {key}: of many series in one, a pod that ends looks like a restart."
        raise _refused(query, "one series for each counter", remedy)


def _refused(value: str, expected: str, remedy: str) -> InputError:
    return InputError("queries", value, expected, remedy)
