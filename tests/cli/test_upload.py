"""``upload`` makes a new version for new content only, however often, and however many at once, ask for it."""

from __future__ import annotations

import threading
from pathlib import Path

import kfp_server_api
import pytest
from tests.cli.kfp_stage import client, versions, write_pipeline

from kfp_lifecycle.adapters.kfp_connection import connect
from kfp_lifecycle.adapters.kfp_pipelines import find_pipeline, latest_version
from kfp_lifecycle.adapters.kfp_uploads import Outcome, upload
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core.pipeline_package import read_package
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes


def test_a_new_pipeline_then_nothing_then_a_new_version(
    kfp_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_pipeline(tmp_path / "greet.yaml")
    first = read_package(path).digest[:12]

    assert main(["upload", str(path)]) == 0
    path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["upload", str(path)]) == 0
    write_pipeline(path, note="other")
    second = read_package(path).digest[:12]
    assert main(["upload", str(path)]) == 0

    assert capsys.readouterr().out.splitlines() == [
        f"{path}: uploaded pipeline greet, version {first}",
        f"{path}: unchanged, version {first} of greet",
        f"{path}: new version {second} of greet",
    ]
    assert [it.name for it in versions(kfp_url, "greet")] == [second, first]


def test_content_that_comes_back_becomes_the_newest_again(kfp_url: str, tmp_path: Path) -> None:
    for note in ("a", "b", "a", "b"):
        assert main(["upload", str(write_pipeline(tmp_path / "greet.yaml", note=note))]) == 0

    names = [it.name for it in versions(kfp_url, "greet")]
    assert names[0] == f"{names[2]}-2"
    assert names[1] == f"{names[3]}-2"


def test_a_tag_names_new_versions_and_is_refused_for_other_content(
    kfp_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_pipeline(tmp_path / "greet.yaml")
    assert main(["upload", str(path), "--tag", "1.0"]) == 0
    assert main(["upload", str(path), "--tag", "1.0"]) == 0
    assert main(["upload", str(path), "--tag", "1.1"]) == 0
    assert main(["upload", str(path)]) == 0
    assert [it.name for it in versions(kfp_url, "greet")] == ["1.0"]

    write_pipeline(path, note="other")
    assert main(["upload", str(path), "--tag", "1.0"]) == 2
    assert "other content" in capsys.readouterr().err
    assert main(["upload", str(path), "--tag", "1.1"]) == 0

    assert [it.name for it in versions(kfp_url, "greet")] == ["1.1", "1.0"]


def test_a_tag_that_has_this_content_and_was_replaced_since_is_refused(
    kfp_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "greet.yaml"
    assert main(["upload", str(write_pipeline(path, note="a")), "--tag", "1.0"]) == 0
    assert main(["upload", str(write_pipeline(path, note="b")), "--tag", "1.1"]) == 0
    write_pipeline(path, note="a")
    capsys.readouterr()
    assert main(["upload", str(path), "--tag", "1.0"]) == 2
    said = capsys.readouterr()
    assert "'1.1'" in said.err and "another tag" in said.err
    assert said.out == ""

    assert main(["upload", str(path), "--tag", "1.2"]) == 0
    # The newest has the same content, so that either name means it.
    assert main(["upload", str(path), "--tag", "1.0"]) == 0
    assert [it.name for it in versions(kfp_url, "greet")] == ["1.2", "1.1", "1.0"]


def test_a_version_that_something_else_uploaded_is_never_taken_for_ours(kfp_url: str, tmp_path: Path) -> None:
    path = write_pipeline(tmp_path / "greet.yaml")
    kfp_server_api.PipelineUploadServiceApi(client(kfp_url)).upload_pipeline(str(path), name="greet")

    assert main(["upload", str(path)]) == 0

    assert len(versions(kfp_url, "greet")) == 2


def test_a_dry_run_writes_nothing(kfp_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_pipeline(tmp_path / "greet.yaml")

    assert main(["upload", str(path), "--dry-run"]) == 0

    assert "would be uploaded pipeline greet" in capsys.readouterr().out
    assert find_pipeline(connect(kfp_url), "greet") is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.yaml"], "compile.py"),
        (["greet.yaml", "--tag", "a b"], "--tag"),
        (["greet.yaml", "same.yaml"], "each pipeline once"),
        (["greet.yaml", "--host", "example.com"], "base URL"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_written(
    kfp_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pipeline(tmp_path / "greet.yaml")
    write_pipeline(tmp_path / "same.yaml", note="other")

    assert main(["upload", *arguments]) == 2

    assert said in capsys.readouterr().err
    assert find_pipeline(connect(kfp_url), "greet") is None


@pytest.mark.parametrize("tag", ["", "1.0"])
def test_uploads_of_the_same_content_at_once_end_with_one_version(kfp_url: str, tmp_path: Path, tag: str) -> None:
    package = read_package(write_pipeline(tmp_path / "greet.yaml"))
    outcomes: list[Outcome] = []
    together = threading.Barrier(6)

    def race() -> None:
        connection = connect(kfp_url)
        together.wait()
        outcomes.append(upload(connection, package, tag).outcome)

    racers = [threading.Thread(target=race) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()

    assert len(versions(kfp_url, "greet")) == 1
    assert len(outcomes) == 6
    assert outcomes.count(Outcome.UNCHANGED) == 5


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_was_lost_makes_no_second_version(kfp_url: str, tmp_path: Path, lost: int) -> None:
    package = read_package(write_pipeline(tmp_path / "greet.yaml"))
    # The proxy forwards the write and then, with no process to kill, cuts the connection.
    with WriteProxy(kfp_url, _Cut(kill_at=lost)) as proxy:
        done = upload(connect(proxy.url), package)

    assert done.outcome is Outcome.UPLOADED
    assert [it.name for it in versions(kfp_url, "greet")] == [done.version]


class _Cut(Writes):
    """Cuts the connection where others kill, after the write was done."""

    def __init__(self, kill_at: int) -> None:
        super().__init__(kill_at=kill_at, before=False)

    def kill(self) -> None:
        pass


def test_versions_are_listed_newest_first_over_pages(kfp_url: str, tmp_path: Path) -> None:
    connection = connect(kfp_url)
    for number in range(7):
        upload(connection, read_package(write_pipeline(tmp_path / "greet.yaml", note=str(number))), f"v{number}")
    pipeline = find_pipeline(connection, "greet")
    assert pipeline

    from kfp_lifecycle.adapters.kfp_pipelines import versions as paged

    assert [it.name for it in paged(connection, pipeline.id, page_size=3)] == [f"v{n}" for n in range(6, -1, -1)]
    newest = latest_version(connection, pipeline.id)
    assert newest and newest.name == "v6"
    assert newest.spec["pipelineInfo"] == {"name": "greet"}


def test_a_pipeline_without_versions_gets_its_first_one(kfp_url: str, tmp_path: Path) -> None:
    service = kfp_server_api.PipelineServiceApi(client(kfp_url))
    service.pipeline_service_create_pipeline(kfp_server_api.V2beta1Pipeline(display_name="greet"))

    assert main(["upload", str(write_pipeline(tmp_path / "greet.yaml"))]) == 0

    assert len(versions(kfp_url, "greet")) == 1


def test_names_that_differ_in_case_are_two_pipelines(kfp_url: str, tmp_path: Path) -> None:
    assert main(["upload", str(write_pipeline(tmp_path / "a.yaml", name="Greet"))]) == 0
    assert main(["upload", str(write_pipeline(tmp_path / "a.yaml", name="greet"))]) == 0

    assert len(versions(kfp_url, "Greet")) == len(versions(kfp_url, "greet")) == 1
