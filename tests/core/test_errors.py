"""Does a user see first what to repair?"""

import traceback

import pytest

from kfp_lifecycle.core.errors import InputError, step_entry


@step_entry
def train(label: str) -> str:
    try:
        return {"late": "trained"}[label]
    except KeyError as error:
        raise InputError("label", label, "a column of the table", "Choose late.") from error


def test_a_refusal_is_one_line_before_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        train("absent")
    assert capsys.readouterr().out == "error: label='absent': expected a column of the table. Choose late.\n"


def test_the_traceback_of_a_refusal_does_not_hold_what_led_to_it() -> None:
    with pytest.raises(InputError) as refused:
        train("absent")
    assert "KeyError" not in "".join(traceback.format_exception(refused.value))


def test_a_step_that_is_not_refused_answers_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("late") == "trained"
    assert train.__name__ == "train"
    assert capsys.readouterr().out == ""


def test_a_fault_is_not_hidden() -> None:
    @step_entry
    def broken() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        broken()
