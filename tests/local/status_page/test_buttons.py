from __future__ import annotations

import httpx
import pytest
from tests.local.status_page.site import Site
from tests.local.status_page.test_run_pages import Elements

from kfp_lifecycle.local.kfp_api import recurring_runs, runs
from kfp_lifecycle.local.kfp_api.states import RUNNING, SUCCEEDED


def _form(browser: httpx.Client, page: str, verb: str) -> tuple[str, dict[str, str]]:
    """Action and fields of the page's form whose action ends in the verb."""
    elements = Elements(browser.get(page).text)
    [action] = [str(each["action"]) for each in elements.of("form") if str(each["action"]).endswith(f"/{verb}")]
    [token] = [str(each["value"]) for each in elements.of("input") if each.get("name") == "token"]
    return action, {"token": token}


def test_a_run_in_progress_is_asked_to_end(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=RUNNING)
    action, fields = _form(browser, f"/runs/{run.id}", "terminate")
    answer = browser.post(action, data=fields, headers={"Origin": str(browser.base_url).rstrip("/")})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    asked = runs.get(site.connection, run.id)
    assert asked is not None and asked.terminate
    assert site.woken == ["woken"]
    page = browser.get(f"/runs/{run.id}").text
    assert "Its end is asked for" in page and "Terminate this run" not in page


def test_a_run_that_has_ended_stays_as_it_is(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=RUNNING)
    action, fields = _form(browser, f"/runs/{run.id}", "terminate")
    site.connection.execute("UPDATE runs SET state = ?", (SUCCEEDED,))
    assert browser.post(action, data=fields).status_code == 303
    ended = runs.get(site.connection, run.id)
    assert ended is not None and not ended.terminate
    assert site.woken == []


def test_a_schedule_is_switched_off_and_on(site: Site, browser: httpx.Client) -> None:
    schedule = site.schedule()
    for verb, enabled in (("disable", False), ("enable", True)):
        action, fields = _form(browser, "/schedules", verb)
        assert browser.post(action, data=fields).status_code == 303
        found = recurring_runs.get(site.connection, schedule.id)
        assert found is not None and found.enabled is enabled
    assert site.woken == ["woken", "woken"]


def test_switching_on_what_is_on_keeps_its_next_slot(site: Site, browser: httpx.Client) -> None:
    schedule = site.schedule(enabled=False, next_at=None)
    action, fields = _form(browser, "/schedules", "enable")
    site.connection.execute("UPDATE recurring_runs SET enabled = 1, next_at = 77.0")
    assert browser.post(action, data=fields).status_code == 303
    found = recurring_runs.get(site.connection, schedule.id)
    assert found is not None and found.next_at == 77.0


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({}, {}, 403),
        ({"token": "0" * 64}, {}, 403),
        ({"token": "\u00e4"}, {}, 403),
        ({"token": "of the page"}, {"Origin": "http://evil.example"}, 403),
        ({"token": "of the page"}, {"Origin": "null"}, 403),
        ({"token": "of the page"}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"token": "of the page"}, {"Host": "evil.example"}, 403),
        ({"token": "of another run"}, {}, 403),
        ({"token": "x" * 9000}, {}, 413),
    ],
)
def test_only_the_pages_own_button_ends_a_run(
    site: Site, browser: httpx.Client, fields: dict[str, str], headers: dict[str, str], status: int
) -> None:
    run, other = site.run(state=RUNNING), site.run(state=RUNNING)
    tokens = {
        "of the page": _form(browser, f"/runs/{run.id}", "terminate")[1]["token"],
        "of another run": _form(browser, f"/runs/{other.id}", "terminate")[1]["token"],
    }
    sent = {name: tokens.get(value, value) for name, value in fields.items()}
    answer = browser.post(f"/runs/{run.id}/terminate", data=sent, headers=headers)
    assert answer.status_code == status, answer.text
    found = runs.get(site.connection, run.id)
    assert found is not None and not found.terminate


def test_a_token_of_a_process_before_says_to_load_the_page_again(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=RUNNING)
    with site.served() as other:
        answer = httpx.post(f"{other}/runs/{run.id}/terminate", data=_form(browser, f"/runs/{run.id}", "terminate")[1])
    assert answer.status_code == 403
    assert "Load it again" in answer.text


def test_no_button_is_there_where_the_api_wants_tokens(site: Site) -> None:
    run, schedule = site.run(state=RUNNING), site.schedule()
    with site.served(writable=False) as url, httpx.Client(base_url=url) as client:
        for page in (f"/runs/{run.id}", "/schedules"):
            assert not Elements(client.get(page).text).of("form")
        for action in (f"/runs/{run.id}/terminate", f"/schedules/{schedule.id}/disable"):
            assert client.post(action).status_code == 403


def test_no_address_changes_anything_when_it_is_only_read(site: Site, browser: httpx.Client) -> None:
    run = site.run(state=RUNNING)
    assert browser.get(f"/runs/{run.id}/terminate").status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/schedules", "/services", "/pipelines", "/runs/none", "/assets/page.js"]
)
def test_every_answer_carries_the_headers_that_keep_strangers_out(browser: httpx.Client, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"


def test_a_name_of_somebody_elses_that_leads_here_is_refused(browser: httpx.Client) -> None:
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 403
