from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from tests.local.status_page.site import Site, package, task

from kfp_lifecycle.local.kfp_api import runs
from kfp_lifecycle.local.kfp_api.states import CANCELED, FAILED, PENDING, RUNNING, SUCCEEDED

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202egpj.exe",
    "x" * 20_000,
    "a\nb\x00c\x1b[31m",
]


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_an_empty_cluster_says_what_to_type_next(browser: httpx.Client) -> None:
    first = browser.get("/").text
    assert "kfp-lifecycle compile" in first
    assert f"kfp --endpoint {browser.base_url}".rstrip("/") in first
    assert "kfp-lifecycle schedules apply" in browser.get("/schedules").text
    assert "kfp-lifecycle upload" in browser.get("/pipelines").text


def test_a_failed_run_tells_its_error_before_anything_else(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=FAILED, error=f"train failed:\n{'x' * 900}\nValueError: 7 is no label\nfull log: a.log")
    site.task(run, "load")
    site.task(run, "train", FAILED)
    page = browser.get(f"/runs/{run.id}").text
    places = [page.index(text) for text in ("ValueError: 7 is no label", "Task graph", "Parameters", "Record")]
    assert places == sorted(places)
    assert '/tasks/1"><bdi>train' in page
    assert "Terminate" not in page
    assert "<bdi>ValueError: 7 is no label</bdi>" in browser.get("/runs").text


def test_the_graph_links_each_executed_task_and_says_its_state(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=RUNNING)
    site.task(run, "load", started=time.time() - 9, finished=time.time() - 5)
    page = browser.get(f"/runs/{run.id}").text
    [drawn] = re.findall(r"<svg viewBox.*?</svg>\n</div>", page, re.S)
    assert f'href="/runs/{run.id}/tasks/0" aria-label="load: succeeded · 4.0 s"' in drawn
    assert "train: waiting" in drawn
    assert Elements(drawn).of("a") == [
        {"class": "step good", "href": f"/runs/{run.id}/tasks/0", "aria-label": "load: succeeded · 4.0 s"}
    ]


def test_a_run_whose_package_holds_no_graph_is_shown_without_one(site: Site, browser: httpx.Client) -> None:
    circle = package(tasks={"a": task("a", "b"), "b": task("b", "a")})
    for documents in ([], [None], [{"root": 3}], circle):
        answer = browser.get(f"/runs/{site.run(documents=documents).id}")
        assert answer.status_code == 200
        assert "The graph is not drawn" in answer.text


def test_runs_come_by_pages_newest_first_and_by_filters(site: Site, browser: httpx.Client) -> None:
    pipeline = site.pipeline("greet")
    made = [site.run(f"run {number}", state=[SUCCEEDED, FAILED][number % 2]) for number in range(60)]
    own = site.run("of the pipeline", pipeline_id=pipeline.id, created=1.0)
    seen: list[str] = []
    address: str | None = "/runs"
    while address:
        page = Elements(browser.get(address).text)
        seen += [str(each["href"])[6:] for each in page.of("a") if re.fullmatch(r"/runs/[\w-]+", each["href"] or "")]
        address = next((each["href"] for each in page.of("a") if each.get("rel") == "next"), None)
    assert seen == [run.id for run in reversed(made)] + [own.id]
    failed = browser.get("/runs", params={"state": FAILED}).text
    assert "run 59" in failed and "run 58" not in failed
    assert "of the pipeline" in (only := browser.get("/runs", params={"pipeline": pipeline.id}).text)
    assert "run 59" not in only


@pytest.mark.parametrize("page", ["0", "-3", "x", "99999999999999999999", "4000", "²"])
def test_a_page_number_that_is_none_is_no_error(site: Site, browser: httpx.Client, page: str) -> None:
    site.run()
    assert browser.get("/runs", params={"page": page, "state": "' OR 1=1 --"}).status_code == 200


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["script", "quotes", "template", "link", "right-to-left", "long", "control"]
)
def test_hostile_names_are_text_on_every_page(site: Site, browser: httpx.Client, text: str) -> None:
    names = {text: task(text), "other": task("other", text)}
    names["condition-1"] = task("condition-1", triggerPolicy={"condition": text})
    names["condition-1"]["taskInfo"] = {"name": text}
    documents = package(text, names, **{"comp-condition-1": {"dag": {"tasks": {"x": task("x")}}}})
    schedule = site.schedule(text, documents=documents, parameters={text: text})
    pipeline = site.pipeline(text, description=text, display_name=text)
    run = site.run(
        text, FAILED, documents=documents, parameters={text: text}, error=text, description=text,
        recurring_run_id=schedule.id, pipeline_id=pipeline.id,
    )  # fmt: skip
    hostile_values = {"parameters": {text: [text]}, "artifacts": {text: [{"uri": text, "type": text}, text]}}
    hostile = site.task(run, text, FAILED, error=text, text=text, inputs=hostile_values, outputs=hostile_values)
    site.connection.execute("UPDATE versions SET name = ?, documents = ?", (text, '[{"pipelineInfo": {"name": 3}}]'))
    for path in ("/", "/runs", f"/runs/{run.id}", f"/runs/{run.id}/tasks/{hostile.number}", "/schedules", "/pipelines",
                 f"/pipelines/{pipeline.id}"):  # fmt: skip
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert len(answer.text) < 120_000, path
        elements = Elements(answer.text)
        assert [each.get("src") for each in elements.of("script")] == ["/assets/page.js"]
        assert not elements.of("img")
        for tag, attributes in elements.found:
            assert not [name for name in attributes if name.startswith("on")], (path, tag)
            assert not (attributes.get("href") or "").lower().startswith("javascript:")


def test_what_is_not_there_is_a_page_with_status_404(site: Site, browser: httpx.Client) -> None:
    run = site.run()
    pipeline = site.pipeline()
    missing = ["/runs/nothing", f"/runs/{run.id}/tasks/0", "/pipelines/nothing", f"/pipelines/{pipeline.id}/versions/x"]
    for path in (*missing, "/assets/../site.py", "/assets/%2e%2e/site.py"):
        assert browser.get(path).status_code == 404, path
    assert "This cannot be shown" in browser.get("/runs/nothing").text


def test_states_are_told_in_words_and_signs(site: Site, browser: httpx.Client) -> None:
    for state in (PENDING, CANCELED):
        site.run(state, state=state)
    page = browser.get("/runs").text
    assert re.findall(r'<span class="state (\w+)"><svg.*?</svg>(\w+)</span>', page, re.S) == [
        ("off", "stopped"),
        ("wait", "waiting"),
    ]


def test_a_pipeline_shows_its_graph_versions_and_runs(site: Site, browser: httpx.Client) -> None:
    pipeline = site.pipeline("greet", versions=2)
    site.run("its run", pipeline_id=pipeline.id)
    assert "v2" in browser.get("/pipelines").text
    page = browser.get(f"/pipelines/{pipeline.id}").text
    assert "Version <bdi>v2" in page and "its run" in page and 'aria-label="Task graph: 2 tasks"' in page
    older = re.search(r'href="([^"]*)"><bdi>v1<', page)
    assert older and "Version <bdi>v1" in browser.get(older.group(1)).text


def test_a_schedule_shows_when_it_fires_next_and_what_it_did(site: Site, browser: httpx.Client) -> None:
    schedule = site.schedule("nightly")
    site.run("ran by it", FAILED, recurring_run_id=schedule.id)
    page = browser.get("/schedules").text
    assert "every day at 03:00 UTC" in page
    assert re.search(r">in (2 h|1 h 59 min)<", page)
    assert "failed" in page and f"/runs?schedule={schedule.id}" in page
    assert "ran by it" in browser.get(f"/runs?schedule={schedule.id}").text


def test_a_database_that_does_not_answer_is_a_page_too(site: Site, browser: httpx.Client) -> None:
    site.connection.execute("ALTER TABLE runs RENAME COLUMN name TO gone")
    answer = browser.get("/runs")
    assert answer.status_code == 503
    assert "no such column" in answer.text


def test_a_run_without_a_folder_or_times_is_shown(site: Site, browser: httpx.Client) -> None:
    waiting = replace(site.run(), id="waiting", state=PENDING, directory="", started=None, finished=None)
    runs.insert(site.connection, waiting)
    assert "not yet" in browser.get("/runs/waiting").text
