"""How stores are reached, which of their failures pass, and what the rest mean to a user."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kfp_lifecycle.adapters.object_uris import Location, public
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import SECRET

ATTEMPTS = 4
_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
# What s3fs makes of 500, 503 and of 409, the answer to two conditional writes at the same time.
_PASSING_ERRNO = {errno.EREMOTEIO, errno.EBUSY}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
_Result = TypeVar("_Result")


def file_system(location: Location) -> Any:
    """The fsspec file system of a location; listings are never taken from a cache, as others write too."""
    import fsspec

    options: dict[str, Any] = {}
    if location.scheme == "s3":
        options = {
            # Named here so that a changed endpoint gets its own client; botocore would read it too.
            "endpoint_url": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None,
            # These repeat the reads of a file that is already open, which ``attempt`` does not see.
            "config_kwargs": {"retries": {"max_attempts": 3, "mode": "standard"}, "connect_timeout": 10},
            "default_block_size": 8 << 20,
            "default_fill_cache": False,
        }
    if location.scheme == "https":
        import aiohttp

        # The default ends every download after five minutes, however well it goes.
        options = {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)}}
    if not location.is_local:
        options["use_listings_cache"] = False
    return fsspec.filesystem(location.scheme, **options)


def attempt(location: Location, parameter: str, call: Callable[[], _Result], *, writing: bool = False) -> _Result:
    """Call a store, again after failures that pass, at most ``ATTEMPTS`` times with growing random waits.

    Raises:
        InputError: the file is missing, access is denied, or there are no credentials.
        ConnectionError: the store did not answer; the message names the URI.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception(is_passing),
        reraise=True,
    )
    with refusals(location, parameter, writing=writing):
        return retrying(call)


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well succeed a moment later."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNO:
        return True
    return _status(error) in _PASSING_STATUS or isinstance(
        error,
        (
            *_loaded("aiohttp", "ClientConnectionError", "ClientPayloadError"),
            *_loaded("botocore.exceptions", "ConnectionError", "HTTPClientError"),
        ),
    )


@contextmanager
def refusals(location: Location, parameter: str, *, writing: bool = False) -> Iterator[None]:
    """Turn a store's errors into words: what is missing, denied or unreachable, and what to do."""
    shown = public(location.uri)
    try:
        yield
    except IsADirectoryError as error:
        raise InputError(parameter, shown, "a file, not a folder", "Name a file in it.") from error
    except _loaded("botocore.exceptions", "NoCredentialsError", "PartialCredentialsError") as error:
        raise InputError(
            parameter,
            shown,
            "AWS credentials in the step's environment",
            f"Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the Secret {SECRET!r}, or give the run's service "
            "account a role.",
        ) from error
    except _loaded("google.auth.exceptions", "DefaultCredentialsError") as error:
        raise InputError(
            parameter,
            shown,
            "Google credentials in the step's environment",
            "Give the run's service account workload identity.",
        ) from error
    except Exception as error:
        # A client's message may repeat the URL with its signature.
        said = str(error).replace(location.uri, shown)
        if is_missing(error) and not (writing and isinstance(error, NotADirectoryError)):
            expected = "an existing bucket or folder" if writing else "an existing file"
            raise InputError(parameter, shown, expected, "Check its spelling, and that it was made.") from error
        if _is_denied(error):
            raise InputError(
                parameter,
                shown,
                "a place that this step may write to" if writing else "a file that this step may read",
                f"The store said: {said}. Check the rights of the step's user or credentials.",
            ) from error
        if is_passing(error):
            raise ConnectionError(f"{shown}: the store failed {ATTEMPTS} times, the last time with: {said}") from error
        raise


def is_missing(error: BaseException) -> bool:
    """Whether a store said that there is nothing under the name."""
    return isinstance(error, FileNotFoundError | NotADirectoryError) or _status(error) == 404


def _is_denied(error: Exception) -> bool:
    # gcsfs raises a bare OSError for 403.
    number = error.errno if isinstance(error, OSError) else None
    return number in _READ_ONLY or _status(error) in (401, 403) or str(error).startswith("Forbidden")


def _status(error: BaseException) -> int:
    """The HTTP status that aiohttp and gcsfs put on their own errors, else 0."""
    if isinstance(error, _loaded("aiohttp", "ClientResponseError")):
        return int(getattr(error, "status", 0))
    if isinstance(error, _loaded("gcsfs.retry", "HttpError")):
        return int(getattr(error, "code", 0) or 0)
    return 0


def _loaded(module: str, *names: str) -> tuple[type[BaseException], ...]:
    """Exception classes of a client library; one that was never imported cannot have raised anything."""
    found = sys.modules.get(module)
    return tuple(getattr(found, name) for name in names) if found else ()
