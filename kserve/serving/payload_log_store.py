"""Where the parts of the payload log go."""

from __future__ import annotations

from collections.abc import Callable

from kfp_lifecycle.adapters.object_store import create, join
from kfp_lifecycle.core.settings import PAYLOAD_LOG_URI

_ATTEMPTS = 3


def payload_log_store(root: str, service: str) -> Callable[[str, bytes], bool]:
    """A function that puts bytes under a name in the service's folder.

    A part appears whole or not at all, and failures that pass are tried again a few times. A name that is taken
    already holds this very part: the reply to an earlier try was lost.

    Args:
        root: folder, s3:// or gs://.
        service: the folder below it.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    folder = join(root, service)
    retrying = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        # A refusal, such as for missing rights, is none of these.
        retry=retry_if_exception_type(OSError),
        reraise=True,
    )

    def put(name: str, content: bytes) -> bool:
        return bool(retrying(create, join(folder, name), content, PAYLOAD_LOG_URI))

    return put
