"""Does the command answer the gate that waits, and nothing else?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.components.stage.world import World

from kfp_lifecycle.adapters import kubernetes_connection, release_records
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.release_records import StoredRecord
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core import approval, release
from kfp_lifecycle.core.approval import Asked
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

SERVICE = "churn"
Command = Callable[..., int]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    proxies = list[WriteProxy]()

    def proxied(url: str) -> WriteProxy:
        proxies.append(WriteProxy(url, Writes()))
        return proxies[-1]

    made = World(tmp_path, proxied)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def waits(world: World) -> Callable[..., Asked]:
    """Version 2 waits for approval, for so many seconds."""

    def put(seconds: float = 3600, outcome: str = "", asks: bool = True) -> Asked:
        moment = now()
        deadline = moment + timedelta(seconds=seconds)
        record = release.start(
            ReleaseRecord(SERVICE, "churn"), run_id="run", from_version="1", to_version="2", digest="d" * 64,
            uri="s3://m", weight=10, previous_spec={}, now=moment, expires_at=deadline,
        )  # fmt: skip
        asked = Asked(SERVICE, world.namespace, "2", "d" * 64, 1, moment, deadline)
        kept = {approval.EVIDENCE: {**approval.asked_to_json(asked), "outcome": outcome}} if asks else {}
        record = release.judged(record, 1, weight=10, expires_at=deadline, evidence=kept)
        empty = StoredRecord(ReleaseRecord(SERVICE, "churn"), "")
        release_records.write(kubernetes_connection.connect(), world.namespace, empty, record)
        return asked

    return put


def written(world: World) -> str:
    found = release_records.read(kubernetes_connection.connect(), SERVICE, world.namespace)
    return found.annotations.get(approval.ANNOTATION, "") if found else ""


def run(*arguments: str) -> int:
    return main(["approve", "--service", SERVICE, "--version", "2", *arguments])


@pytest.mark.parametrize(("arguments", "verdict"), [([], "approved"), (["--reject"], "rejected")])
def test_an_answer_is_an_annotation_that_names_release_and_person(world, waits, capsys, arguments, verdict) -> None:
    asked = waits()
    before = world.call("GET", f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{SERVICE}")["data"]
    assert run("--by", " Ann Lee ", *arguments) == 0
    said = approval.read_answer(written(world))
    assert (said.verdict, said.ticket, said.by) == (verdict, asked.ticket, "Ann Lee")
    assert said.at and abs((now() - said.at).total_seconds()) < 60
    assert written(world) in capsys.readouterr().out
    after = world.call("GET", f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{SERVICE}")["data"]
    assert after == before


def test_a_clock_that_is_behind_the_steps_gives_no_time_before_the_question(world, waits, monkeypatch) -> None:
    asked = waits()
    monkeypatch.setattr("kfp_lifecycle.adapters.approvals.now", lambda: asked.asked_at - timedelta(minutes=5))
    assert run("--by", "ann") == 0
    assert approval.read_answer(written(world)).at == asked.asked_at.replace(microsecond=0)


def test_a_record_that_is_renewed_in_between_is_read_again_and_keeps_the_answer(world, waits, monkeypatch) -> None:
    waits()
    connection = kubernetes_connection.connect()
    read = release_records.read
    races = [1, 2]

    def read_and_lose(*arguments: Any) -> Any:
        found = read(*arguments)
        if races:
            races.pop()
            lasts = now() + timedelta(hours=1)
            changed = release.judged(found.record, 1, weight=10, expires_at=lasts, evidence={})
            release_records.write(connection, world.namespace, found, changed)
        return found

    monkeypatch.setattr("kfp_lifecycle.adapters.release_records.read", read_and_lose)
    assert run("--by", "ann") == 0
    assert "by ann" in written(world) and not races
    found = read(connection, SERVICE, world.namespace)
    release_records.write(connection, world.namespace, found, release.applied(found.record, 1))
    assert "by ann" in written(world)


def test_a_second_yes_changes_nothing_a_no_replaces_it_and_is_final(world, waits, capsys) -> None:
    waits()
    assert run("--by", "ann") == 0
    assert run("--by", "bob") == 0
    assert "by ann" in written(world)
    assert run("--by", "bob", "--reject") == 0
    assert "rejected" in written(world)
    assert run("--by", "ann") == 2
    assert "nobody has rejected (bob has)" in capsys.readouterr().err
    assert "rejected" in written(world)


@pytest.mark.parametrize(
    ("put", "arguments", "named"),
    [
        ({}, ["--by", " "], "by=' '"),
        ({}, ["--by", "at 9"], "by='at 9'"),
        ({}, ["--by", "ann", "--version", "3"], "version='3'"),
        ({}, ["--by", "ann", "--version", "v2"], "version='v2'"),
        ({}, ["--by", "ann", "--service", "other"], "service='other'"),
        ({"outcome": "timed_out"}, ["--by", "ann"], "it is timed_out"),
        ({"seconds": -1}, ["--by", "ann"], "still waits (until "),
        ({"asks": False}, ["--by", "ann"], "a release that waits for approval"),
    ],
)
def test_what_nothing_waits_for_is_refused_and_nothing_is_written(world, waits, capsys, put, arguments, named) -> None:
    waits(**put)
    assert run(*arguments) == 2
    assert named in capsys.readouterr().err
    assert written(world) == ""


def test_a_cluster_that_refuses_is_told_apart(world, waits, capsys) -> None:
    waits()
    assert run("--by", "ann", "--namespace", "elsewhere") == 1
    assert "Kubernetes refused to get configmaps" in capsys.readouterr().err


def test_a_record_that_changes_all_the_time_is_told(world, waits, capsys, monkeypatch) -> None:
    waits()

    def lost(*_: Any) -> None:
        raise Conflict(409, "changed meanwhile")

    monkeypatch.setattr("kfp_lifecycle.adapters.release_records.annotate", lost)
    assert run("--by", "ann") == 1
    assert "changed 10 times in a row: try again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('{"', "{", "the release record is damaged"),
        ('"deadline"', '"dead"', "what the gate keeps in the release record"),
    ],
)
def test_a_record_that_cannot_be_read_is_told(world, waits, capsys, before, after, said) -> None:
    waits()
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{SERVICE}"
    found = world.call("GET", path)
    text = found["data"][release_records.KEY].replace(before, after)
    world.call("PUT", path, {**found, "data": {release_records.KEY: text}})
    assert run("--by", "ann") == 1
    assert said in capsys.readouterr().err
    assert not (world.call("GET", path)["metadata"].get("annotations") or {})
