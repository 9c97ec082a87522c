"""Does the local Kubernetes API answer as a real kube-apiserver 1.36 did? Steps recorded from one are replayed.

The format of the recordings: one JSON object a line, `request` and `response`; placeholders such as `<rv:3>` stand for
values that a server chooses (same number, same value; a smaller version number is a smaller version). The wording of
messages is not compared, everything else is. What differs is listed in known_differences.json, with the reason.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
KNOWN = json.loads((HERE / "known_differences.json").read_text())
IN_FULL = ("05-lease", "07-apply", "08-generation-status", "13-races", "14-access")
PLACEHOLDER = re.compile(
    r"<(?:(rv|list-rv|uid|created|deleted|continue|name):(\d+)|(time|any|age|ns|i)|repeat:(.):(\d+))>"
)
SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PATTERNS = {
    "rv": r"\d+", "list-rv": r"\d+", "uid": r"[0-9A-Za-z-]{8,}", "created": SECOND, "deleted": SECOND,
    "continue": r"[^\s\"]+", "name": r"[a-z0-9.-]+?", "time": SECOND, "any": r"(?s:.*)", "age": r"(?:\d+[smhdy])+",
}  # fmt: skip


class Bindings:
    """The values that placeholders were found to stand for."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.values: dict[tuple[str, int], str] = {}

    def filled(self, value: Any, index: int = 0) -> Any:
        if isinstance(value, dict):
            return {self.filled(name, index): self.filled(child, index) for name, child in value.items()}
        if isinstance(value, list):
            return [self.filled(item, index) for item in value]
        if not isinstance(value, str):
            return value
        return PLACEHOLDER.sub(lambda match: self._value(match, index), value)

    def _value(self, match: re.Match[str], index: int) -> str:
        kind, number, plain, char, count = match.groups()
        if char:
            return char * int(count)
        fixed = {"ns": self.namespace, "i": str(index), "time": "2026-01-01T00:00:00Z"}
        return fixed[plain] if plain else self.values[kind, int(number)]

    def matches(self, template: str, found: str) -> bool:
        """Whether the text fits; new placeholders are bound to what stands in their place."""
        pattern, keys, last = "", [], 0
        for match in PLACEHOLDER.finditer(template):
            pattern += re.escape(template[last : match.start()])
            last = match.end()
            kind, number, plain, char, _ = match.groups()
            if char or plain in ("ns", "i"):
                pattern += re.escape(self._value(match, 0))
            elif plain:
                pattern += PATTERNS[plain]
            elif (kind, int(number)) in self.values and kind not in ("list-rv", "continue"):
                pattern += re.escape(self.values[kind, int(number)])
            else:
                keys.append((kind, int(number)))
                pattern += f"({PATTERNS[kind]})"
        whole = re.fullmatch(pattern + re.escape(template[last:]), found)
        return whole is not None and all(self._bind(*pair) for pair in zip(keys, whole.groups(), strict=True))

    def _bind(self, key: tuple[str, int], value: str) -> bool:
        kind, number = key
        versions = {other: int(text) for (name, other), text in self.values.items() if name == "rv"}
        if kind == "rv" and any((version < int(value)) != (other < number) for other, version in versions.items()):
            return False
        if kind == "list-rv" and int(value) < max(versions.values(), default=0):
            return False
        if kind in ("uid", "name") and any(name == kind and text == value for (name, _), text in self.values.items()):
            return False
        self.values[key] = value
        return True


def differences(want: Any, got: Any, bindings: Bindings, subset: bool, path: str = "") -> list[str]:
    """Where an answer differs from the recorded one."""
    if want == "<any>" or path.endswith((".message", ".warning")):
        return []
    if isinstance(want, dict) and isinstance(got, dict):
        found = [f"{path}.{name} is absent" for name in want if name not in got]
        found += [] if subset else [f"{path}.{name} is too much" for name in got if name not in want]
        for name in sorted(want.keys() & got.keys(), key=lambda name: (name != "metadata", name)):
            found += differences(want[name], got[name], bindings, subset, f"{path}.{name}")
        return found
    if isinstance(want, list) and isinstance(got, list):
        want, got = ordered(want, got, bindings, path, subset)
        if len(want) != len(got):
            return [f"{path} has {len(got)} items instead of {len(want)}"]
        pairs = zip(want, got, strict=True)
        return [text for i, pair in enumerate(pairs) for text in differences(*pair, bindings, subset, f"{path}[{i}]")]
    same = (
        bindings.matches(want, got)
        if isinstance(want, str) and isinstance(got, str)
        else (want == got and type(want) is type(got))
    )
    return [] if same else [f"{path}: {str(got)[:200]!r} instead of {str(want)[:200]!r}"]


def ordered(
    want: list[Any], got: list[Any], bindings: Bindings, path: str, subset: bool
) -> tuple[list[Any], list[Any]]:
    """Both lists in one order where order means nothing; of a subset only the items that are wanted."""

    def name_of(item: Any) -> str:
        parts = ("manager", "operation", "subresource", "field", "reason", "name", "groupVersion", "resource")
        key = [str(item.get(part)) for part in parts] if isinstance(item, dict) else [str(item)]
        meta = item.get("metadata", {}).get("name") if isinstance(item, dict) else None
        return json.dumps([*key, bindings.filled(meta)])

    if path.endswith((".managedFields", "details.causes")):
        return sorted(want, key=name_of), sorted(got, key=name_of)
    if not subset or len(want) == len(got):
        return want, got
    found = {name_of(item): item for item in got}
    return want, [found[name_of(item)] for item in want if name_of(item) in found]


def send(port: int, request: dict[str, Any]) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    query = urllib.parse.urlencode(request.get("query", {}))
    headers = {"User-Agent": "conformance-replay/1", **request.get("headers", {})}
    if request.get("auth") != "none":
        headers["Authorization"] = "Bearer " + ("wrong" if request.get("auth") == "bad" else "conformance")
    body = request.get("body_text") or (json.dumps(request["body"]) if "body" in request else None)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    connection.request(request["method"], request["path"] + (f"?{query}" if query else ""), body, headers)
    return connection, connection.getresponse()


class Stream(threading.Thread):
    """A watch that stays open while other steps write."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        super().__init__(daemon=True)
        self.response, self.events, self.changed = response, [], threading.Condition()
        self.start()

    def run(self) -> None:
        for line in self.response:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) >= count, timeout=10)
            return list(self.events)


def collapsed(events: list[Any], keep_bookmarks: bool) -> list[Any]:
    """Events with runs of periodic bookmarks as one, or without bookmarks."""
    out: list[Any] = []
    for event in events:
        periodic = event["type"] == "BOOKMARK" and "annotations" not in event["object"]["metadata"]
        if periodic and (not keep_bookmarks or (out and out[-1]["type"] == "BOOKMARK")):
            continue
        out.append(event)
    return out


def play(step: dict[str, Any], port: int, bindings: Bindings, streams: dict[str, Stream]) -> list[str]:
    """What differs in one step."""
    want = step["response"]
    if "parallel" in step:
        statuses: list[str] = []
        requests = [bindings.filled(step["request"], i) for i in range(step["parallel"])]
        threads = [threading.Thread(target=lambda r=r: statuses.append(str(send(port, r)[1].status))) for r in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [] if Counter(statuses) == Counter(want["statuses"]) else [f"statuses {Counter(statuses)}"]
    keep = not want.get("bookmarks_optional")
    if "await" in step:
        events = collapsed(want["events"], keep)
        found = collapsed(streams[step["await"]].wait_for(len(events)), keep)
        return differences(events, found, bindings, False, "events")
    try:
        request = bindings.filled(step["request"])
    except KeyError as unbound:
        return [f"not sent: {unbound} was never seen"]
    connection, response = send(port, request)
    if response.status != want["status"]:
        return [f"status {response.status} instead of {want['status']}: {response.read()[:300]!r}"]
    if "open" in step:
        streams[step["open"]] = Stream(response)
        return []
    raw = response.read().decode()
    connection.close()
    got: dict[str, Any] = {"content-type": re.sub(r"\s", "", response.getheader("content-type") or "")}
    wanted: dict[str, Any] = {"content-type": re.sub(r"\s", "", want.get("headers", {}).get("content-type", ""))}
    got |= {"warning": True} if response.getheader("warning") else {}
    wanted |= {"warning": True} if want.get("headers", {}).get("warning") else {}
    if "body" in want:
        got["body"], wanted["body"] = json.loads(raw), want["body"]
    elif "body_text" in want:
        got["text"], wanted["text"] = raw, want["body_text"]
    elif "body_keys" in want:
        got["keys"], wanted["keys"] = sorted(json.loads(raw)), sorted(want["body_keys"])
    elif "events" in want:
        got["events"] = collapsed([json.loads(line) for line in raw.splitlines()], keep)
        wanted["events"] = collapsed(want["events"], keep)
    if not wanted["content-type"]:
        del got["content-type"], wanted["content-type"]
    return differences(wanted, got, bindings, want.get("match") == "subset")


@pytest.mark.parametrize("scenario", sorted(path.stem for path in HERE.glob("*.jsonl")))
def test_every_recorded_step_agrees_but_for_the_known_differences(scenario: str, port: int) -> None:
    bindings, streams = Bindings("conformance"), {}
    found: dict[str, list[str]] = {}
    with (HERE / f"{scenario}.jsonl").open(encoding="utf-8") as lines:
        steps = [json.loads(line) for line in lines]
    for step in steps:
        if step.get("replay") == "skip":
            continue
        time.sleep(step.get("pause", 0))  # recorded: times have whole seconds, and some steps need another one
        differing = play(step, port, bindings, streams)
        if differing:
            found[str(step["step"])] = differing
    known = KNOWN.get(scenario, {})
    assert {number: why for number, why in found.items() if number not in known} == {}
    assert sorted(known.keys() - found.keys()) == [], "these agree now: take them off known_differences.json"


def test_the_scenarios_that_must_agree_in_full_have_no_known_difference() -> None:
    assert not KNOWN.keys() & set(IN_FULL)
