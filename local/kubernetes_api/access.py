"""Who may do what: bearer tokens name a user, Role rules say what the user may do."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kubernetes_api import tokens

AUDIENCE = "https://kubernetes.default.svc"
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY_PATHS = ("/api", "/apis", "/openapi", *_OPEN_PATHS)


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Attributes:
    """One request as an authorizer sees it: a verb on a resource, or (with `path`) on a path that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Rule:
    """One entry of a Role's `rules`."""

    verbs: frozenset[str]
    groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()

    def allows(self, asked: Attributes) -> bool:
        if not _has(self.verbs, asked.verb):
            return False
        if asked.path:
            return any(
                asked.path == path or (path.endswith("*") and asked.path.startswith(path[:-1])) for path in self.paths
            )
        if not _has(self.groups, asked.group) or (self.names and asked.name not in self.names):
            return False
        return _has(self.resources, asked.full_resource) or (
            bool(asked.subresource) and f"*/{asked.subresource}" in self.resources
        )


def _has(known: frozenset[str], one: str) -> bool:
    return one in known or "*" in known


def rules_from(documents: Iterable[Any]) -> tuple[Rule, ...]:
    """The rules of every Role and ClusterRole among these (YAML) documents; others are passed over."""
    rules = []
    for document in documents:
        if isinstance(document, Mapping) and document.get("kind") in ("Role", "ClusterRole"):
            for rule in document.get("rules") or ():
                rules.append(
                    Rule(
                        frozenset(rule.get("verbs", ())),
                        frozenset(rule.get("apiGroups", ())),
                        frozenset(rule.get("resources", ())),
                        frozenset(rule.get("resourceNames", ())),
                        tuple(rule.get("nonResourceURLs", ())),
                    )
                )
    return tuple(rules)


class Access:
    """Tokens and bindings. A user of the group system:masters may do everything.

    Args:
        signing_key: key of the tokens that `issue` makes; keep it (Store.secret) if they shall outlive the process.
    """

    def __init__(self, signing_key: bytes = b"") -> None:
        self._key = signing_key or secrets.token_bytes(32)
        self._users: dict[str, User] = {}
        self._bindings: dict[str, list[tuple[str, tuple[Rule, ...]]]] = {}

    def add_token(self, token: str, user: str, groups: Sequence[str] = ()) -> None:
        """Let this bearer token stand for a user."""
        self._users[token] = User(user, (*groups, AUTHENTICATED))

    def add_admin(self, token: str, user: str = "kubernetes-admin") -> None:
        """Let this bearer token do everything."""
        self.add_token(token, user, (MASTERS,))

    def bind(self, subject: str, rules: Iterable[Rule], namespace: str = "") -> None:
        """Grant rules to a user or group, in one namespace or (with "") everywhere, as a RoleBinding does."""
        self._bindings.setdefault(subject, []).append((namespace, tuple(rules)))

    def is_bound(self, subject: str) -> bool:
        return subject in self._bindings or any(user.name == subject for user in self._users.values())

    def issue(self, user: str, audiences: Sequence[str], seconds: int) -> tuple[str, float]:
        """A signed token for a service account and the moment it expires (Unix seconds)."""
        now = int(time.time())
        claims = {"sub": user, "aud": list(audiences) or [AUDIENCE], "iat": now, "exp": now + seconds}
        return tokens.sign(claims, self._key), float(now + seconds)

    def user_of(self, token: str, audience: str = AUDIENCE) -> User | None:
        """The user that a token stands for; None for an unknown, expired or foreign token."""
        known = self._users.get(token)
        if known:
            return known
        claims = tokens.verify(token, self._key, time.time())
        if claims is None or audience not in claims["aud"]:
            return None
        _, _, namespace, _ = claims["sub"].split(":", 3)
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return User(claims["sub"], groups)

    def allows(self, user: User, asked: Attributes) -> bool:
        """Whether the user may do this."""
        if MASTERS in user.groups or _is_open(user, asked):
            return True
        for subject in (user.name, *user.groups):
            for namespace, rules in self._bindings.get(subject, ()):
                if namespace in ("", asked.namespace) and any(rule.allows(asked) for rule in rules):
                    return True
        return False


def _is_open(user: User, asked: Attributes) -> bool:
    """What everybody, or everybody with a name, may do in any cluster (its default roles)."""
    if asked.path:
        paths = _DISCOVERY_PATHS if AUTHENTICATED in user.groups else _OPEN_PATHS
        return asked.verb == "get" and any(asked.path == path or asked.path.startswith(path + "/") for path in paths)
    return (
        AUTHENTICATED in user.groups
        and asked.verb == "create"
        and asked.group == "authorization.k8s.io"
        and asked.resource == "selfsubjectaccessreviews"
    )
