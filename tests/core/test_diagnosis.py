"""Is a diagnosis one line for each thing, with its fix and without secrets?"""

from __future__ import annotations

import json

import pytest

from kfp_lifecycle.core.diagnosis import Level, as_json, count, failure, ok, warning, without_secrets


@pytest.mark.parametrize("make", [warning, failure])
def test_what_is_not_well_has_a_remedy(make: type) -> None:
    with pytest.raises(ValueError, match="has a remedy"):
        make("kfp", "is away", "")


def test_a_finding_is_one_line_with_level_name_text_and_fix() -> None:
    line = failure("kfp", "two\nlines.", "Do this\nand that.").line()
    assert line == "failure kfp two lines. Fix: Do this and that.".replace("failure kfp", f"failure  {'kfp':<18}")
    assert ok("kfp", "2.17").line().endswith("2.17")


def test_the_json_holds_findings_and_counts() -> None:
    found = json.loads(json.dumps(as_json([ok("a", "x"), warning("b", "y", "z")])))
    assert found["counts"] == {"ok": 1, "warning": 1, "failure": 0}
    assert found["findings"][1] == {"name": "b", "level": "warning", "text": "y", "remedy": "z"}
    assert count([])[Level.OK] == 0


def test_secrets_and_passwords_in_addresses_are_taken_out_of_text_and_remedy() -> None:
    told = failure("mlflow", "https://me:pass@host said hunter2-hunter2", "not hunter2-hunter2")
    found = without_secrets(told, ["hunter2-hunter2"])
    assert (found.text, found.remedy) == ("https://***@host said ***", "not ***")
