from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.local.status_page.site import Site
from tests.local.status_page.test_run_pages import Elements

from kfp_lifecycle.local.status_page import run_files

REPORT = "<!doctype html><html><body><h1>Judged</h1><script>document.title = 'ran'</script></body></html>"


def test_a_report_is_framed_in_a_sandbox_that_allows_nothing(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    task = site.task(run, "judge")
    site.artifact(task, "report", REPORT, "HTML")
    [frame] = Elements(browser.get(f"/runs/{run.id}/tasks/0").text).of("iframe")
    assert frame["sandbox"] == ""
    assert frame["src"] == f"/runs/{run.id}/tasks/0/reports/report"
    answer = browser.get(str(frame["src"]))
    assert answer.text == REPORT
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; ") and "script" not in policy
    assert "frame-ancestors 'self'" in policy


def test_artifacts_are_told_with_type_size_and_metadata_and_saved_as_files(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    task = site.task(run)
    site.artifact(task, "metrics", '{"auc": 0.71}', "Metrics", auc=0.71)
    (Path(task.directory) / "model").mkdir()
    (Path(task.directory) / "model" / "weights.bin").write_bytes(b"\0\1" * 700)
    page = browser.get(f"/runs/{run.id}/tasks/0").text
    assert "Metrics" in page and "0.71" in page and "1.4 KiB" in page and "&#34;auc&#34;: 0.71" in page
    answer = browser.get(f"/runs/{run.id}/tasks/0/files/model/weights.bin")
    assert answer.content == b"\0\1" * 700
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_an_artifact_that_a_task_got_leads_to_the_task_that_made_it(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    made = site.task(run, "load")
    artifacts = {
        "table": [{"uri": f"{made.directory}/table", "type": "system.Dataset"}],
        "other": [{"uri": "s3://elsewhere/table", "type": "system.Dataset"}],
    }
    site.task(run, "train", inputs={"parameters": {"seed": 7}, "artifacts": artifacts})
    page = browser.get(f"/runs/{run.id}/tasks/1").text
    rows = [row for row in re.findall(r"<tr>.*?</tr>", page, re.S) if "Dataset" in row]
    assert [f'href="/runs/{run.id}/tasks/0"' in row for row in rows] == [False, True]
    assert "s3://elsewhere/table" in rows[0] and "seed" in page
    assert "score" in browser.get(f"/runs/{run.id}").text


@pytest.mark.parametrize("values", [[], {"parameters": 3, "artifacts": {"a": 3, "b": [3, {}]}}, {"parameters": None}])
def test_values_of_another_form_are_left_out(site: Site, browser: httpx.Client, values: Any) -> None:
    run = site.run()
    site.task(run, inputs=values or {}, outputs=values or {})
    for path in ("", "/tasks/0"):
        assert browser.get(f"/runs/{run.id}{path}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "../secret", "..%2fsecret", "%2e%2e/%2e%2e/secret", "/etc/passwd", "%2fetc%2fpasswd", "..\\..\\secret",
        "link", "folder", "folder/secret", "", "%00", "model/../../../secret", "report/../../../../secret",
    ],
)  # fmt: skip
def test_nothing_outside_of_the_tasks_folder_is_given(site: Site, browser: httpx.Client, path: str) -> None:
    run = site.run()
    task = site.task(run)
    (site.state.path / "secret").write_text("TOP SECRET")
    (Path(run.directory) / "secret").write_text("TOP SECRET")
    (Path(task.directory) / "link").symlink_to(site.state.path / "secret")
    (Path(task.directory) / "folder").symlink_to(site.state.path)
    for kind in ("files", "reports"):
        answer = browser.get(f"/runs/{run.id}/tasks/0/{kind}/{path}")
        assert answer.status_code == 404, answer.url
        assert "SECRET" not in answer.text
    assert "TOP SECRET" not in browser.get(f"/runs/{run.id}/tasks/0").text


def test_a_task_whose_folder_or_log_lies_elsewhere_gives_neither(site: Site, browser: httpx.Client) -> None:
    other = site.run()
    foreign = site.task(other, text="of the other run\n")
    site.artifact(foreign, "report", REPORT, "HTML")
    run = site.run()
    site.task(run, directory=foreign.directory, log=foreign.log)
    page = browser.get(f"/runs/{run.id}/tasks/0").text
    assert "There is no log" in page and "It left no files" in page
    for path in ("log", "files/report", "reports/report"):
        assert browser.get(f"/runs/{run.id}/tasks/0/{path}").status_code == 404


def test_a_long_log_is_shown_by_its_end_and_saved_as_a_whole(site: Site, browser: httpx.Client) -> None:
    text = "".join(f"line {number} {'.' * 60}\n" for number in range(20_000))
    run = site.run()
    site.task(run, text=text)
    page = browser.get(f"/runs/{run.id}/tasks/0").text
    shown = [int(number) for number in re.findall(r"^line (\d+) ", page, re.M)]
    assert shown and shown[-1] == 19_999 and shown == list(range(shown[0], 20_000))
    assert len(shown) <= run_files.TAIL_LINES
    assert len(page) < 2 * run_files.TAIL_BYTES
    whole = browser.get(f"/runs/{run.id}/tasks/0/log")
    assert whole.text == text
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_log_of_one_endless_line_is_bounded_too(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    site.task(run, text="x" * 3_000_000)
    assert len(browser.get(f"/runs/{run.id}/tasks/0").text) < 2 * run_files.TAIL_BYTES


def test_terminal_colours_and_control_characters_are_left_out_of_a_log(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    site.task(run, text="\x1b[31mred\x1b[0m\rdone\x07 \u00e4\n")
    assert "<bdi>reddone \u00e4\n</bdi>" in browser.get(f"/runs/{run.id}/tasks/0").text


def test_a_folder_of_many_files_is_told_by_its_first(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    task = site.task(run)
    for number in range(250):
        (Path(task.directory) / f"file-{number:03}").write_text("x")
    page = browser.get(f"/runs/{run.id}/tasks/0").text
    assert "file-199" in page and "file-200" not in page and "There are more files" in page


def test_a_report_that_is_too_large_is_not_shown(
    site: Site, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_files, "LARGEST_REPORT", 50)
    run = site.run()
    site.artifact(site.task(run), "report", REPORT, "HTML")
    assert not Elements(browser.get(f"/runs/{run.id}/tasks/0").text).of("iframe")
    assert browser.get(f"/runs/{run.id}/tasks/0/reports/report").status_code == 413
    assert browser.get(f"/runs/{run.id}/tasks/0/files/report").text == REPORT


def test_a_file_of_ten_thousand_brackets_is_shown_as_it_is(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    site.artifact(site.task(run), "nested", "[" * 15_000)
    answer = browser.get(f"/runs/{run.id}/tasks/0")
    assert answer.status_code == 200 and "[" * 15_000 in answer.text


def test_a_log_that_cannot_be_read_is_told_on_a_page(
    site: Site, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Path) -> run_files.Tail:
        raise PermissionError(13, "Permission denied")

    run = site.run()
    site.task(run)
    monkeypatch.setattr(run_files, "tail", unreadable)
    answer = browser.get(f"/runs/{run.id}/tasks/0")
    assert answer.status_code == 503 and "cannot be read (Permission denied)" in answer.text
