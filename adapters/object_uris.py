"""URIs of files and folders: which are taken, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from kfp_lifecycle.core.errors import InputError

LOCAL = "file"
SCHEMES = (LOCAL, "s3", "gs", "https")
_EXPECTED = "a path or a URI that starts with " + ", ".join(f"{scheme}://" for scheme in SCHEMES)


@dataclass(frozen=True)
class Location:
    """A place in a store.

    Attributes:
        scheme: one of ``SCHEMES``.
        path: what the store's file system calls it: an absolute path, ``bucket/key``, or the whole https URL.
    """

    scheme: str
    path: str

    @property
    def uri(self) -> str:
        return self.path if self.scheme in (LOCAL, "https") else f"{self.scheme}://{self.path}"

    @property
    def is_local(self) -> bool:
        return self.scheme == LOCAL

    @property
    def has_wildcard(self) -> bool:
        # In a URL the question mark starts the query, and brackets are legal.
        return "*" in self.path if self.scheme == "https" else any(sign in self.path for sign in "*?[")

    def child(self, name: str) -> Location:
        """A place below this one; a name that would lead out of it is refused."""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or _has_control(name):
            raise InputError("name", name, f"a name below {public(self.uri)}", "Remove .. and leading slashes.")
        return Location(self.scheme, f"{self.path.rstrip('/')}/{'/'.join(parts)}")


def locate(uri: str, parameter: str = "uri") -> Location:
    """Read a URI.

    Raises:
        InputError: it is empty, of an unknown scheme, climbs by ``..``, or carries a password.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        scheme, rest = LOCAL, uri
    if not uri.strip() or not rest or _has_control(uri):
        raise InputError(parameter, uri, _EXPECTED, "Name a file, a folder or a pattern.")
    if scheme not in SCHEMES:
        raise InputError(parameter, public(uri), _EXPECTED, f"{scheme}:// is not supported: copy the data first.")
    if "@" in (urlsplit(uri).netloc if separator else ""):
        raise InputError(parameter, public(uri), "a URI without a user or password", "Put credentials in the Secret.")
    plain = urlsplit(uri).path if scheme == "https" else rest
    if ".." in unquote(plain).split("/"):
        raise InputError(parameter, public(uri), "a path without ..", "Write the full path.")
    if scheme == "https":
        return Location(scheme, uri)
    if scheme == LOCAL:
        if separator and not rest.startswith("/"):
            raise InputError(parameter, uri, "file:/// and a full path", "Write three slashes: file:///data/flights.")
        return Location(LOCAL, str(Path(unquote(rest) if separator else rest).absolute()))
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise InputError(parameter, uri, f"{scheme}://BUCKET/KEY", "Name the bucket.")
    return Location(scheme, f"{bucket}/{key}".rstrip("/"))


def public(uri: str) -> str:
    """The URI without a user, password or query, which may hold a signature; fit for messages and metadata."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    host, slash, path = rest.partition("/")
    path = path.partition("?")[0] if scheme == "https" else path
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def join(uri: str, *names: str) -> str:
    """The URI of a file or folder below ``uri``; a name that would lead out of it is refused."""
    location = locate(uri)
    for name in names:
        location = location.child(name)
    return location.uri


def below(name: str, base: str) -> list[str]:
    """The folders and the file of ``name`` that ``base``, which may be a pattern, does not fix by itself."""
    fixed = []
    for part in base.split("/"):
        if any(sign in part for sign in "*?["):
            break
        fixed.append(part)
    parts = name.split("/")
    return parts[len(fixed) :] if parts[: len(fixed)] == fixed else parts[-1:]


def is_hidden(name: str, base: str) -> bool:
    """Whether a name below ``base`` has a part that starts with a dot or an underscore: no data, by custom."""
    return any(part.startswith((".", "_")) for part in below(name, base))


def _has_control(text: str) -> bool:
    return any(ord(sign) < 32 for sign in text)
