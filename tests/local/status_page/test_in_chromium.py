"""The pages in a real browser: by keyboard, on a phone, in light and dark, with strangers' scripts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from tests.local.status_page.site import Site, package, task

from kfp_lifecycle.local.kfp_api import runs
from kfp_lifecycle.local.kfp_api.states import FAILED, RUNNING, SUCCEEDED

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.xdist_group("chromium"),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver"),
]
PHONE, DESK = (390, 844), (1280, 900)
# What a keyboard must reach, in the order of the page; what is in a closed <details> is not there.
_REACHABLE = """
return [...document.querySelectorAll('a[href], button, select, summary, [tabindex="0"]')]
  .filter((each) => each.checkVisibility()).length
"""
_FOCUSED = """
const element = document.activeElement;
const shown = getComputedStyle(element.closest('svg') ? element.querySelector('.box') : element);
const place = [...document.querySelectorAll('*')].indexOf(element);
return [place, element.textContent.trim(), shown.outlineStyle !== 'none' || parseFloat(shown.strokeWidth) >= 3];
"""
# The lowest contrast of any text, with the text.
_CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const channels = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data]; };
const light = (color) => { const [r, g, b] = channels(color).slice(0, 3).map((v) => v / 255)
  .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
const behind = (element) => { for (let e = element; e; e = e.parentElement) {
  const color = getComputedStyle(e).backgroundColor; if (channels(color)[3] === 255) return color; } return 'white'; };
const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
let worst = [99, ''];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const [text, element] = [walker.currentNode.data.trim(), walker.currentNode.parentElement];
  if (!text || !element.checkVisibility() || element.closest('title, option')) continue;
  const style = getComputedStyle(element);
  const found = element.closest('svg')
    ? Math.min(...['--panel', '--group', '--group-odd'].map((name) => ratio(style.fill, variable(name))))
    : ratio(style.color, behind(element));
  if (found < worst[0]) worst = [found, text];
}
return worst;
"""


class Browser:
    """Chromium on the pages of a site."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.url = ""

    def open(self, path: str, size: tuple[int, int] = DESK, scheme: str = "light") -> None:
        """Open a page as if it was the first."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(f"{self.url}{path}")

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        WebDriverWait(self.driver, 15, poll_frequency=0.05).until(lambda _: condition(), what)

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def complaints(self) -> list[str]:
        """What the browser wrote to its console since the page was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def filled(site: Site) -> dict[str, str]:
    """A site with some of everything; paths of its pages by what they show."""
    pipeline = site.pipeline("greet", versions=2)
    version = site.connection.execute("SELECT id FROM versions").fetchone()[0]
    schedule = site.schedule("nightly", pipeline_id=pipeline.id, parameters={"a": 1})
    site.schedule("every minute", trigger={"periodic_schedule": {"interval_second": 60}}, enabled=False)
    wide = {f"t{n}": task(f"a rather long name of task {n}") for n in range(12)} | {"last": task("last", "t3", "t7")}
    failed = site.run("failed " + "x" * 200, FAILED, documents=package(tasks=wide), error="ValueError: " + "y" * 300)
    for name in ("t0", "t3"):
        made = site.task(
            failed, name, FAILED, text="z" * 500 + "\n", outputs={"parameters": {"path": "/" + "long/" * 40}}
        )
        site.artifact(made, "report", REPORT, "HTML")
    running = site.run("running", RUNNING, recurring_run_id=schedule.id, pipeline_id=pipeline.id)
    site.task(running, "load", SUCCEEDED)
    site.task(running, "train", RUNNING, finished=None)
    return {
        "overview": "/", "runs": "/runs?state=", "failed": f"/runs/{failed.id}", "running": f"/runs/{running.id}",
        "task": f"/runs/{failed.id}/tasks/0", "schedules": "/schedules", "services": "/services",
        "pipelines": "/pipelines", "pipeline": f"/pipelines/{pipeline.id}", "missing": "/runs/none",
        "version": f"/pipelines/{pipeline.id}/versions/{version}", "run id": running.id, "pipeline id": pipeline.id,
        "version id": version, "schedule id": schedule.id,
    }  # fmt: skip


PAGES = ["overview", "runs", "failed", "running", "task", "schedules", "services", "pipelines", "pipeline", "missing"]
REPORT = """<!doctype html><html><body><h1>Judged</h1><p id="mark">as it was</p>
<script>document.getElementById('mark').textContent = 'changed by a script'; parent.document.title = 'changed'</script>
<img src="x" onerror="document.getElementById('mark').textContent = 'changed by an image'"></body></html>"""


@pytest.fixture
def browser(site: Site, chromium: Browser, filled: dict[str, str]) -> Iterator[Browser]:
    with site.served() as url:
        chromium.url = url
        yield chromium
        chromium.driver.get("about:blank")


def test_the_tab_key_reaches_everything_and_shows_where_it_is(browser: Browser, filled: dict[str, str]) -> None:
    for page in ("overview", "runs", "failed", "running", "schedules", "pipeline"):
        browser.open(filled[page])
        # What is read anew would begin the walk again.
        browser.run("delete document.getElementById('live')?.dataset.refresh")
        expected = browser.run(_REACHABLE)
        reached = []
        for _ in range(expected):
            browser.press(Keys.TAB)
            reached.append(browser.run(_FOCUSED))
        assert len({place for place, _, _ in reached}) == expected > 6, page
        assert [text for _, text, outlined in reached if not outlined] == [], page
        assert reached[0][1] == "Skip to the content"


def test_the_skip_link_leads_to_the_content(browser: Browser) -> None:
    browser.open("/runs")
    browser.press(Keys.TAB, Keys.ENTER)
    browser.wait(lambda: browser.run("return document.activeElement.id") == "main", "the focus moved")
    browser.press(Keys.TAB)
    assert browser.driver.switch_to.active_element.tag_name == "select"


@pytest.mark.parametrize("start", ["/", "/runs"])
def test_links_that_kfp_prints_lead_to_our_pages(browser: Browser, filled: dict[str, str], start: str) -> None:
    version = "/pipelines/{pipeline id}/versions/{version id}"
    for fragment, place in {
        "#/runs/details/{run id}": "/runs/{run id}",
        "#/experiments/details/e-1": "/runs?experiment=e-1",
        "#/pipelines/details/{pipeline id}": "/pipelines/{pipeline id}",
        "#/pipelines/details/{pipeline id}/version/{version id}": version,
        "#/recurringrun/details/{schedule id}": "/schedules",
        "#//evil.example": f"{start}#//evil.example",
        "#/runs/details/..%2f..%2fevil": "/runs",
    }.items():
        expected = browser.url + place.format(**filled)
        browser.open(f"{start}{fragment.format(**filled)}")
        browser.wait(lambda expected=expected: browser.driver.current_url == expected, f"at {expected}")  # type: ignore[misc]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_is_wider_than_its_window_nor_has_the_browser_complaints(
    browser: Browser, filled: dict[str, str], size: tuple[int, int]
) -> None:
    expected = {"missing": "404 (Not Found)", "task": "sandboxed"}
    for page in PAGES:
        browser.open(filled[page], size)
        assert browser.run("return document.documentElement.scrollWidth") <= size[0], page
        assert [text for text in browser.complaints() if page not in expected or expected[page] not in text] == [], page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_that_wcag_asks_for(browser: Browser, filled: dict[str, str], scheme: str) -> None:
    for page in PAGES:
        browser.open(filled[page], scheme=scheme)
        ratio, text = browser.run(_CONTRAST)
        assert ratio >= 4.5, (page, text)


def test_a_report_is_shown_but_its_scripts_do_not_run(browser: Browser, filled: dict[str, str]) -> None:
    browser.open(filled["task"])
    title = browser.driver.title
    frame = browser.driver.find_element(By.CSS_SELECTOR, "iframe.report")
    browser.run("arguments[0].scrollIntoView()", frame)
    browser.driver.switch_to.frame(frame)
    browser.wait(lambda: browser.driver.find_elements(By.ID, "mark"), "the report is there")
    assert browser.driver.find_element(By.ID, "mark").text == "as it was"
    browser.driver.switch_to.default_content()
    assert browser.driver.title == title
    # The same holds for the report opened alone.
    browser.open(filled["task"] + "/reports/report")
    assert browser.driver.find_element(By.ID, "mark").text == "as it was"


def test_a_run_in_progress_is_followed_without_losing_the_place(
    site: Site, browser: Browser, filled: dict[str, str]
) -> None:
    browser.open(filled["running"])
    browser.run("window.mark = 1; document.querySelector('tbody a').focus()")
    site.connection.execute("UPDATE tasks SET state = ? WHERE state = ?", (SUCCEEDED, RUNNING))
    browser.wait(
        lambda: "running" not in browser.run("return document.querySelector('#live table').innerText"), "followed"
    )
    assert browser.run("return [window.mark, document.activeElement.getAttribute('href')]") == [
        1, f"{filled['running']}/tasks/0",
    ]  # fmt: skip
    site.connection.execute("UPDATE runs SET state = ?, finished = created + 60 WHERE state = ?", (SUCCEEDED, RUNNING))
    browser.wait(lambda: "succeeded" in browser.run("return document.querySelector('.lead').innerText"), "ended")
    assert browser.run("return document.getElementById('live').dataset.refresh ?? null") is None


def test_a_run_is_terminated_by_keyboard(site: Site, browser: Browser, filled: dict[str, str]) -> None:
    browser.open(filled["running"])
    browser.run("document.querySelector('button.bad').focus()")
    browser.press(Keys.ENTER)
    browser.wait(lambda: "Its end is asked for" in browser.text(), "asked for")
    found = runs.get(site.connection, filled["run id"])
    assert found is not None and found.terminate
    assert browser.complaints() == []


def test_the_pages_work_without_scripts(browser: Browser, filled: dict[str, str]) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(filled["running"])
        assert browser.driver.find_element(By.TAG_NAME, "h1").text == "running"
        refresh = browser.driver.find_element(By.CSS_SELECTOR, "meta[http-equiv=refresh]")
        assert refresh.get_attribute("content") == "10"
        browser.driver.find_element(By.CSS_SELECTOR, "svg a.step").click()
        browser.wait(lambda: "/tasks/" in browser.driver.current_url, "the task's page")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_on_a_phone_the_graph_begins_where_something_happens(browser: Browser, filled: dict[str, str]) -> None:
    browser.open(filled["failed"], PHONE)
    left, right, width = browser.run(
        "const box = document.querySelector('.graph').getBoundingClientRect();"
        "const step = document.querySelector('.graph a.bad').getBoundingClientRect();"
        "return [step.left - box.left, box.right - step.right, document.querySelector('.graph').scrollWidth]"
    )
    assert width > PHONE[0]
    assert left >= 0 and right >= 0


def test_a_state_file_is_no_page(browser: Browser, site: Site) -> None:
    """A path that a browser may ask for by itself must not lead into the state folder."""
    assert Path(site.database).exists()
    browser.open("/kfp.sqlite")
    assert "Not Found" in browser.text()
