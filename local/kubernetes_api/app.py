"""The ASGI app: who asks, may they, and which function answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kfp_lifecycle.local.kubernetes_api import (
    bodies,
    deletes,
    discovery,
    errors,
    logs,
    openapi,
    reads,
    rendering,
    reviews,
    schema,
    watches,
    writes,
)
from kfp_lifecycle.local.kubernetes_api.access import ANONYMOUS, AUTHENTICATED, Access, Attributes, User
from kfp_lifecycle.local.kubernetes_api.address import Address, is_known_group, resource_address
from kfp_lifecycle.local.kubernetes_api.errors import ApiError
from kfp_lifecycle.local.kubernetes_api.resources import NAMESPACE, Kind, is_unserved
from kfp_lifecycle.local.kubernetes_api.store import Key, Store

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_WRITERS = {
    "create": writes.create,
    "update": writes.replace,
    "patch": writes.patch,
    "delete": deletes.delete,
    "deletecollection": deletes.delete_collection,
}


def create_app(store: Store, access: Access, *, logs: logs.LogReader | None = None) -> Starlette:
    """The local Kubernetes API over a store.

    Args:
        store: where the objects are. All requests are served by one event loop; each write is one transaction.
        access: tokens and rules; every request is checked against them.
        logs: gives the log of a container, see `logs.LogReader`; without it logs answer 501.
    """
    schema.load_all()
    reader = logs

    async def answer(request: Request) -> Response:
        try:
            return await _answer(request, store, access, reader)
        except ApiError as error:
            return rendering.json_response(error.code, error.status())
        except RecursionError:
            deep = errors.bad_request("the body is nested too deeply")
            return rendering.json_response(deep.code, deep.status())

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


async def _answer(request: Request, store: Store, access: Access, reader: logs.LogReader | None) -> Response:
    user = _user(request.headers, access)
    path, query = request.url.path, dict(request.query_params)
    address = resource_address(request.method, path, query)
    if address is None:
        _permit(access, user, Attributes(request.method.lower(), path=path))
        return _plain(request, path)
    _permit(access, user, address.attributes())
    if address.old_watch:
        raise errors.not_implemented("the old /watch/ path")
    raw = await bodies.read(request)
    if address.kind is None:
        return _unstored(request, access, user, address, store, raw)
    form = rendering.accepted(request.headers.get("accept", ""))
    if address.subresource == "log" and address.plural == "pods" and address.verb == "get":
        return logs.log(reader, _pod(store, address.kind, address), query)
    _check_method(request.method, address, address.kind)
    if address.verb == "get":
        return reads.get(store, address.kind, address, query, form)
    if address.verb == "list":
        return reads.list_objects(store, address.kind, address, query, form)
    if address.verb == "watch":
        return watches.watch(store, address.kind, address.namespace, query, form)
    call = writes.Call(
        store,
        address.kind,
        address,
        query,
        raw,
        request.headers.get("content-type", ""),
        request.headers.get("user-agent", ""),
        lambda verb: _permit(access, user, address.attributes(verb)),
    )
    done = _WRITERS[address.verb](call)
    return rendering.object_response(address.kind, done.object, form, code=done.code, warnings=done.warnings)


def _user(headers: Mapping[str, str], access: Access) -> User:
    """The user of the bearer token, or the one that it impersonates; nobody without a token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    user: User | None = ANONYMOUS
    if scheme:
        user = access.user_of(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise ApiError(401, "Unauthorized", "Unauthorized")
    other = headers.get("impersonate-user", "")
    if not other:
        return user
    _permit(access, user, Attributes("impersonate", resource="users", name=other))
    group = headers.get("impersonate-group", "")
    if group:
        _permit(access, user, Attributes("impersonate", resource="groups", name=group))
    return User(other, (*([group] if group else []), AUTHENTICATED))


def _permit(access: Access, user: User, asked: Attributes) -> None:
    """Raise the 403 that names user, verb, resource and namespace, unless the rules allow the request."""
    if access.allows(user, asked):
        return
    if asked.path:
        raise ApiError(403, f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"', "Forbidden", {})
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f'{qualified} "{asked.name}"' if asked.name else qualified
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    raise ApiError(
        403,
        f'{named} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}" in API '
        f'group "{asked.group}" {where}',
        "Forbidden",
        errors.details(asked.name, asked.group, asked.resource),
    )


def _plain(request: Request, path: str) -> Response:
    """Discovery, version and health, or the 404 of a path that is nothing."""
    if path in discovery.HEALTH_PATHS:
        return rendering.text_response(200, "ok")
    if path == "/openapi/v2":
        raise errors.not_implemented("OpenAPI v2")
    if path == "/openapi/v3":
        return rendering.text_response(200, json.dumps(openapi.index()))
    if path.startswith("/openapi/v3/"):
        found = openapi.document(path.removeprefix("/openapi/v3/"))
    else:
        found = discovery.document(path.rstrip("/") or "/", request.url.netloc)
    parts = path.strip("/").split("/")
    if found is None and parts[0] == "apis" and len(parts) > 1 and is_unserved(parts[1], ""):
        raise errors.not_implemented(f"the API group {parts[1]}")
    if found is None:
        return rendering.text_response(404, "404 page not found\n")
    if request.method not in ("GET", "HEAD"):
        raise errors.method_not_allowed()
    return rendering.json_response(200, found)


def _unstored(request: Request, access: Access, user: User, address: Address, store: Store, raw: bytes) -> Response:
    """Reviews and tokens; else 501 for what a real cluster has and 404 for what none has."""
    kind_of = (address.group, address.version, address.plural)
    manager = request.query_params.get("fieldManager") or request.headers.get("user-agent", "").partition("/")[0]
    content_type = request.headers.get("content-type", "")
    if kind_of == ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"):
        if address.verb != "create":
            raise errors.method_not_allowed()
        body, _ = bodies.parsed_object(raw, content_type, "SelfSubjectAccessReview")
        return rendering.json_response(201, reviews.access_review(access, user, body, manager))
    if kind_of == ("", "v1", "serviceaccounts") and address.subresource == "token" and address.verb == "create":
        if store.text(Key(NAMESPACE.qualified, "", address.namespace)) is None:
            raise errors.not_found(NAMESPACE, address.namespace)
        body, _ = bodies.parsed_object(raw, content_type, "TokenRequest")
        return rendering.json_response(201, reviews.token_request(access, address.namespace, address.name, body))
    if is_unserved(address.group, address.plural):
        raise errors.not_implemented(".".join(filter(None, (address.plural, address.group))))
    if not address.group and is_known_group(address.group, address.version):
        raise errors.no_such_resource()
    return rendering.text_response(404, "404 page not found\n")


def _check_method(method: str, address: Address, kind: Kind) -> None:
    """Refuse what this path does not take: a subresource that is none, a PUT of a list."""
    allowed: tuple[str, ...] = ("get", "list", "watch", *_WRITERS)
    if address.subresource == "status" and kind.status:
        allowed = ("get", "update", "patch")
    elif address.subresource in ("exec", "attach", "portforward", "proxy", "eviction", "binding", "scale", "log"):
        raise errors.not_implemented(f"{kind.plural}/{address.subresource}")
    elif address.subresource:
        raise errors.no_such_resource()
    elif method == "POST" and address.name and not kind.custom:
        raise errors.method_not_allowed()
    if address.verb not in allowed or (
        kind.namespaced and not address.namespace and address.verb not in ("list", "watch")
    ):
        raise errors.method_not_allowed()


def _pod(store: Store, kind: Kind, address: Address) -> Mapping[str, object]:
    text = store.text(reads.key_of(kind, address))
    if text is None:
        raise errors.not_found(kind, address.name)
    pod: Mapping[str, object] = json.loads(text)
    return pod
