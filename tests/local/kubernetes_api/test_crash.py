"""Is every acknowledged write there after the server was killed in the middle of writing?"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.local.kubernetes_api.store import FIRST_VERSION, Store


def serve(state: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "kfp_lifecycle.local.kubernetes_api", f"--state={state}", "--admin-token=t"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def call(url: str, method: str, body: Any = None, form: str = "application/json") -> Any:
    headers = {"Authorization": "Bearer t", "Content-Type": form}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=20) as answer:
        return json.load(answer)


def test_no_acknowledged_write_is_lost_and_versions_go_on_rising(tmp_path: Path) -> None:
    process, url = serve(tmp_path)
    maps = f"{url}/api/v1/namespaces/team/configmaps"
    call(f"{url}/api/v1/namespaces", "POST", {"metadata": {"name": "team"}})
    acknowledged: dict[str, tuple[str, int]] = {}
    enough = threading.Event()

    def write(writer: int) -> None:
        for i in range(100_000):
            name = f"w{writer}-{i % 20}"
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": str(i)}}
            try:
                made = call(f"{maps}/{name}?fieldManager=test", "PATCH", body, "application/apply-patch+yaml")
            except (urllib.error.URLError, ConnectionError, http.client.HTTPException, json.JSONDecodeError):
                return  # the server is dead
            acknowledged[name] = (made["data"]["n"], int(made["metadata"]["resourceVersion"]))
            if i >= 100:
                enough.set()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in writers:
        thread.start()
    try:
        assert enough.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for thread in writers:
        thread.join()

    process, url = serve(tmp_path)
    try:
        found = call(f"{url}/api/v1/namespaces/team/configmaps", "GET")
        stored = {
            item["metadata"]["name"]: (item["data"]["n"], int(item["metadata"]["resourceVersion"]))
            for item in found["items"]
        }
        newest = max(version for _, version in acknowledged.values())
        for name, (number, version) in acknowledged.items():
            # The write that was under way may be stored without having been acknowledged: 20 further on.
            assert stored[name] == (number, version) or (
                int(stored[name][0]) == int(number) + 20 and stored[name][1] > version
            )
        assert int(found["metadata"]["resourceVersion"]) >= newest > FIRST_VERSION
        made = call(f"{url}/api/v1/namespaces/team/configmaps", "POST", {"metadata": {"name": "after"}})
        assert int(made["metadata"]["resourceVersion"]) == int(found["metadata"]["resourceVersion"]) + 1
    finally:
        process.terminate()
        stopped = process.wait(20)
    assert stopped == 0


def test_a_second_server_on_the_same_state_is_refused(tmp_path: Path) -> None:
    first = Store(tmp_path / "kubernetes.sqlite")
    try:
        with pytest.raises(Exception, match="locked"):
            Store(tmp_path / "kubernetes.sqlite")
    finally:
        first.close()
    Store(tmp_path / "kubernetes.sqlite").close()
