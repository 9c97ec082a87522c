"""Does a Prometheus have series for a preset at all, whatever the service?"""

from __future__ import annotations

import json
import re

from kfp_lifecycle.adapters.counter_errors import CounterError
from kfp_lifecycle.adapters.counter_requests import Endpoint, Session

_MATCHER = re.compile(r'="([^"]*\$[^"]*)"')
_PLACE = re.compile(r"\$(?:service|namespace|arm)\b")


def of_any_service(query: str) -> str:
    """The query of a preset with patterns in place of names: ``arm="$arm"`` becomes ``arm=~".+"``."""
    return _MATCHER.sub(lambda found: f'=~"{_PLACE.sub(".+", found[1])}"', query)


def count_series(endpoint: Endpoint, query: str) -> int:
    """How many series a query finds now.

    Raises:
        CounterError: Prometheus did not answer, or refuses the query.
    """
    with Session(endpoint) as session:
        status, body = session.get("/api/v1/query", {"query": f"count({query})"})
    try:
        answer = json.loads(body)
        if status != 200 or answer["status"] != "success":
            raise CounterError(f"{endpoint} refuses {query!r}: HTTP {status}, {answer.get('error', 'no reason given')}")
        return sum(int(float(each["value"][1])) for each in answer["data"]["result"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        said = body[:200].decode(errors="replace")
        raise CounterError(f"{endpoint} answers as no Prometheus does: {said!r}") from error
