"""The end of a run: as its last gate decided."""

from __future__ import annotations

from kfp_lifecycle.adapters import run_notes
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import decision_of
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.run_notes import RunNote
from kfp_lifecycle.core.window import format_time

FAIL, SUCCEED = "fail", "succeed"
# The outcomes by which a gate says no, over all deciding steps.
REFUSALS = frozenset(
    {
        "fail",
        "too_few_rows",
        "refused",
        "stale",
        "roll_back",
        "rolled_back",
        "superseded",
        "rejected",
        "timed_out",
        "data_fault",
        "insufficient_data",
    }
)


# No gate's answer: users may not get what they got before, and somebody must look.
FAULTS = frozenset({"not_restored"})


class Refused(RuntimeError):
    """A gate refused, and the run was asked to fail for it; nothing is broken."""


class Fault(RuntimeError):
    """A service is not what it should be, and a user must look."""


@step_entry
def conclude(
    step: str, outcome: str, decision: Artifact, on_refusal: str = FAIL, restored: str = "", run_id: str = ""
) -> tuple[str]:
    """Print why a step decided as it did, and fail the run if it refused, or could not restore a service.

    A deciding step ends well even when it refuses, because KFP drops the artifacts of a failed one; so the run fails
    here, after decision and report are kept.

    Args:
        step: the step that decided.
        outcome: its outcome.
        on_refusal: ``fail``, or ``succeed`` to end a refused run well; a service that was not restored fails it anyway.
        restored: the outcome of the roll back that followed; empty where there was none.
        run_id: the run, on which a note is kept for ``notify``; empty keeps none.

    Raises:
        InputError: ``on_refusal`` is neither, or the decision is not the one of this outcome.
        Fault: the outcome is ``not_restored``, or that of the roll back is.
        Refused: the outcome is a refusal and ``on_refusal`` is ``fail``.
    """
    if on_refusal not in (FAIL, SUCCEED):
        raise InputError("on_refusal", on_refusal, f"{FAIL} or {SUCCEED}", "Choose one of the two.")
    saved = decision_of(decision, outcome)
    said = f"{step} answered {outcome}: {'; '.join(saved.reasons) or 'no reason given'}"
    print(said, flush=True)
    if run_id:
        _note(run_id, RunNote(said, outcome in REFUSALS, format_time(now())))
    if outcome in FAULTS:
        raise Fault(said)
    if restored in FAULTS:
        raise Fault(f"roll_back answered {restored}, its report says why; before that, {said}")
    if outcome in REFUSALS and on_refusal == FAIL:
        raise Refused(said)
    return (outcome,)


def _note(run_id: str, note: RunNote) -> None:
    """Keep what was said for the exit handler, which is worth no failure."""
    try:
        run_notes.write(run_id, note)
    except (RuntimeError, ValueError, OSError) as error:
        print(f"no note was kept for the message on this run: {error}", flush=True)
