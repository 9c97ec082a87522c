"""Rules for names, labels, annotations, finalizers and owners that hold for every kind. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from kfp_lifecycle.local.kubernetes_api.errors import Cause

ANNOTATIONS_LIMIT = 256 * 1024
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAMESPACE = re.compile(_LABEL)
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"

SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def generated_name(prefix: str) -> str:
    """A name from metadata.generateName: at most 63 characters, five of them random."""
    return prefix[:58] + "".join(secrets.choice(_SUFFIX) for _ in range(5))


def causes(metadata: Mapping[str, Any], *, is_namespace: bool) -> Iterator[Cause]:
    """Why this metadata is refused; nothing when it is fine."""
    name = metadata.get("name", "")
    prefix = metadata.get("generateName", "")
    if not name and not prefix:
        yield Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
    elif prefix and not _SUBDOMAIN.fullmatch(prefix.removesuffix("-") or "-"):
        yield _invalid("generateName", prefix, SUBDOMAIN_RULE)
    else:
        yield from _name_causes(name, is_namespace)
    yield from _label_causes(metadata.get("labels") or {})
    yield from _annotation_causes(metadata.get("annotations") or {})
    for owner in metadata.get("ownerReferences") or []:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield Cause(
                    "FieldValueInvalid", 'Invalid value: "": must not be empty', f"metadata.ownerReferences.{field}"
                )


def _name_causes(name: str, is_namespace: bool) -> Iterator[Cause]:
    limit = 63 if is_namespace else 253
    if len(name) > limit:
        yield _invalid("name", name, f"must be no more than {limit} characters")
    elif is_namespace and not _NAMESPACE.fullmatch(name):
        yield _invalid("name", name, _LABEL_RULE)
    elif not _SUBDOMAIN.fullmatch(name):
        yield _invalid("name", name, SUBDOMAIN_RULE)


def _label_causes(labels: Mapping[str, str]) -> Iterator[Cause]:
    for key, value in labels.items():
        if not _is_qualified(key):
            yield _invalid("labels", key, _KEY_RULE.replace("name part", "a valid label key"))
        if len(value.encode()) > 63:
            yield _invalid("labels", value, "must be no more than 63 bytes")
        elif not _VALUE.fullmatch(value):
            yield _invalid("labels", value, _VALUE_RULE)


def _annotation_causes(annotations: Mapping[str, str]) -> Iterator[Cause]:
    for key in annotations:
        if not _is_qualified(key.lower()):
            yield _invalid("annotations", key, _KEY_RULE)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > ANNOTATIONS_LIMIT:
        yield Cause(
            "FieldValueTooLong", f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes", "metadata.annotations"
        )


def _is_qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (not _SUBDOMAIN.fullmatch(prefix) or len(prefix) > 253):
        return False
    return len(name) <= 63 and bool(_QUALIFIED.fullmatch(name))


def _invalid(field: str, value: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{value}": {why}', f"metadata.{field}")


def finalizer_warnings(metadata: Mapping[str, Any]) -> list[str]:
    return [
        f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name to avoid accidental conflicts '
        "with other finalizer writers"
        for name in metadata.get("finalizers") or []
        if "/" not in name
    ]
