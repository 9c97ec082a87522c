"""Who asks: bearer tokens of service accounts, issued by the local Kubernetes API for KFP's audience."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from kfp_lifecycle.adapters.kfp_errors import AUDIENCE
from kfp_lifecycle.local.kfp_api import errors
from kfp_lifecycle.local.kubernetes_api import tokens


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        namespace: the only one that the caller may use; empty on a single-user KFP, which has none.
    """

    namespace: str = ""

    @property
    def is_multi_user(self) -> bool:
        """Whether namespaces count."""
        return bool(self.namespace)

    def permitted(self, namespace: str) -> str:
        """The namespace to use: none on a single-user KFP, whatever was asked for; else the caller's own.

        Raises:
            ApiError: 400, none was given; 403, it is somebody else's.
        """
        if not self.is_multi_user:
            return ""
        if not namespace:
            raise errors.invalid(f"this KFP is multi-user: give a namespace, for example {self.namespace!r}")
        if namespace != self.namespace:
            raise errors.denied(f"a service account of namespace {self.namespace!r} may not use {namespace!r}")
        return namespace

    def sees(self, namespace: str) -> bool:
        """Whether a thing of this namespace is the caller's."""
        return namespace == self.namespace


def caller(headers: Mapping[str, str], key: bytes | None) -> Caller:
    """The caller by the Authorization header; with no key, nobody is asked for a token.

    Raises:
        ApiError: 401, the token is missing, foreign, expired or for another audience.
    """
    if key is None:
        return Caller()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise errors.unauthenticated(f"the request has no bearer token; send one for the audience {AUDIENCE!r}")
    # Verified as of 1970, so that an expired token is told from a foreign one.
    claims = tokens.verify(token.strip(), key, 0.0)
    if claims is None:
        raise errors.unauthenticated(
            f"the bearer token is not of this cluster; ask its TokenRequest API for one with audience {AUDIENCE!r}"
        )
    if claims["exp"] <= time.time():
        raise errors.unauthenticated(f"the bearer token has expired; get a new one for the audience {AUDIENCE!r}")
    if AUDIENCE not in claims["aud"]:
        raise errors.unauthenticated(f"the bearer token is for {claims['aud']}, not for the audience {AUDIENCE!r}")
    return Caller(str(claims["sub"]).split(":")[2])
