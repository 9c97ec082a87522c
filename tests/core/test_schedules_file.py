"""A schedules file is read strictly: what is wrong is named with its line, its place and what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.schedules import read_schedules

HEAD = "owner: team\nschedules:\n"
GOOD = "  - name: nightly\n    pipeline: train\n    cron: 0 0 3 * * *\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "schedules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_field_is_read(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {name: nightly, pipeline: train, version: '1.2', every: PT1H30M, start: 2027-01-01,\n"
        "     end: 2027-06-01T12:00Z, max_concurrency: 2, catch_up: true, enabled: false, experiment: e,\n"
        "     service_account: sa, parameters: {as_of: '[[ScheduledTime]]', day: 2027-01-01, columns: [a, b]}}\n"
    )

    declared = read_schedules(written(tmp_path, text))

    [schedule] = declared.schedules
    assert declared.owner == "team"
    assert (schedule.name, schedule.pipeline, schedule.version) == ("nightly", "train", "1.2")
    assert (schedule.cron, schedule.every) == ("", 5400)
    assert schedule.start == datetime(2027, 1, 1, tzinfo=UTC)
    assert schedule.end == datetime(2027, 6, 1, 12, tzinfo=UTC)
    assert (schedule.max_concurrency, schedule.catch_up, schedule.enabled) == (2, True, False)
    assert schedule.parameters == {"as_of": "[[ScheduledTime]]", "day": "2027-01-01", "columns": ["a", "b"]}
    assert (schedule.experiment, schedule.service_account) == ("e", "sa")


def test_what_is_left_out_has_a_default_that_harms_nobody(tmp_path: Path) -> None:
    [schedule] = read_schedules(written(tmp_path, HEAD + GOOD)).schedules

    assert (schedule.version, schedule.max_concurrency, schedule.catch_up, schedule.enabled) == (
        "latest",
        1,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", ":1", "owner and schedules"),
        ("owner: team\n", ":1 schedules", "a list of schedules"),
        ("owner: ''\nschedules: []\n", ":1 owner", "team or repository"),
        (HEAD + GOOD + "    pipline: x\n", ":6 schedules[0].pipline", "Did you mean pipeline?"),
        (HEAD + GOOD + "    caching: true\n", ":6 schedules[0].caching", "Delete it."),
        (HEAD + "  - name: nightly\n    cron: 0 0 3 * * *\n", ":3 schedules[0].pipeline", "train-and-release"),
        (HEAD + "  - name: n\n    pipeline: p\n", ":3 schedules[0]", "either cron or every"),
        (HEAD + GOOD + "    every: PT1H\n", ":3 schedules[0]", "either cron or every"),
        (HEAD + GOOD.replace("0 0 3", "0 3"), ":5 schedules[0].cron", "'0 0 3 * * *'"),
        (HEAD + GOOD.replace("0 0 3", "0 61 3"), ":5 schedules[0].cron", "minutes from 0 to 59"),
        (HEAD + "  - {name: n, pipeline: p, every: 1h}\n", ":3 schedules[0].every", "ISO 8601 duration"),
        (HEAD + "  - {name: n, pipeline: p, every: P9999999999D}\n", ":3 schedules[0].every", "million years"),
        (HEAD + GOOD + "    version: 2\n", ":6 schedules[0].version", "in quotes"),
        (HEAD + GOOD + "    max_concurrency: 11\n", ":6 schedules[0].max_concurrency", "1 to 10"),
        (HEAD + GOOD + "    start: tomorrow\n", ":6 schedules[0].start", "ISO 8601"),
        (HEAD + GOOD + "    start: 2027-01-02\n    end: 2027-01-01\n", ":7 schedules[0].end", "after start"),
        (HEAD + GOOD + GOOD, ":6 schedules[1].name", "each name once"),
        (HEAD + GOOD + "    cron: x\n", ":6", "each name once"),
        (HEAD + GOOD + "    1: x\n", ":6", "a text before the colon"),
        (HEAD + GOOD + "    parameters: {x: .nan}\n", ":6 schedules[0].parameters.x", "a number"),
        (HEAD + GOOD + "    parameters: {x: !!binary aGk=}\n", ":6 schedules[0].parameters.x", "in quotes"),
        (HEAD + GOOD + "    parameters: !!python/name:os.system\n", ":6", "valid YAML"),
        (HEAD + GOOD + "   bad: [\n", ":6", "valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_place(tmp_path: Path, text: str, place: str, said: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(InputError) as raised:
        read_schedules(path)

    assert str(raised.value).startswith(f"{path}{place}")
    assert said in str(raised.value)


def test_a_short_text_that_stands_for_very_much_is_refused(tmp_path: Path) -> None:
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 1}]\n" for n in range(9))

    with pytest.raises(InputError, match="Write out what the aliases"):
        read_schedules(written(tmp_path, bomb))


def test_a_value_that_contains_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Write out what the aliases"):
        read_schedules(written(tmp_path, "owner: &a [*a]\nschedules: []\n"))


def test_a_file_that_is_none_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a readable file"):
        read_schedules(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="at most 1048576 bytes"):
        read_schedules(written(tmp_path, "#" * (1 << 20) + "\n"))
