"""When a table passes, by rule."""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.validation.gate import Limits, Outcome, decide
from kfp_lifecycle.components.validation.measurement import ColumnMeasurement, Measurement
from kfp_lifecycle.components.validation.schema import ColumnSchema, TableSchema

EXPECTED = TableSchema(
    (
        ColumnSchema("x", "number", missing_share=0.10, minimum=0, maximum=1),
        ColumnSchema("carrier", "text", categories=("AA", "UA")),
        ColumnSchema("late", "boolean"),
    ),
    duplicate_share=0.02,
)
LIMITS = Limits(max_bad_share=0.05, min_rows=10)


def measured(
    rows: int = 1000, label_values: int = 2, duplicates: int = 20, **columns: ColumnMeasurement
) -> Measurement:
    found = {
        "x": ColumnMeasurement("x", "number", missing=100),
        "carrier": ColumnMeasurement("carrier", "text"),
        "late": ColumnMeasurement("late", "boolean"),
    }
    return Measurement(rows, {**found, **columns}, duplicates, label_values)


def judge(found: Measurement, bad: dict[str, int] | None = None, limits: Limits = LIMITS) -> tuple[str, str]:
    decision = decide(found, EXPECTED, bad or {}, "late", limits, {"table_digest": "d"})
    assert decision.inputs == {"label": "late", "table_digest": "d"}
    return decision.outcome, " | ".join(decision.reasons)


def test_a_table_that_keeps_its_schema_passes():
    assert judge(measured()) == (Outcome.PASS, "1000 of 1000 rows keep the schema; 0 were put aside")


@pytest.mark.parametrize(
    ("found", "passes", "reason"),
    [
        (measured(rows=0), False, "the table has no rows"),
        (measured(label_values=1), False, "the label late has the same value in every row"),
        (measured(x=ColumnMeasurement("x", "number", missing=150)), True, ""),
        (measured(x=ColumnMeasurement("x", "number", missing=151)), False, "x is missing in 15.1% of the rows"),
        (measured(x=ColumnMeasurement("x", "number", missing=1000)), False, "x has no value in any row"),
        (measured(x=ColumnMeasurement("x", "nothing", missing=1000)), False, "x has no value in any row"),
        (measured(x=ColumnMeasurement("x", "text")), False, "x holds text: the schema expects number"),
        (measured(carrier=ColumnMeasurement("carrier", "text", unseen=50)), True, ""),
        (
            measured(carrier=ColumnMeasurement("carrier", "text", unseen=51, examples={"ZZ", "YY"})),
            False,
            "carrier has unknown values in 5.1% of the rows, such as YY, ZZ",
        ),
        (measured(duplicates=30), True, ""),
        (measured(duplicates=31), False, "3.1% of the rows repeat an earlier row"),
        (measured(new=ColumnMeasurement("new", "number")), True, "the schema does not know new"),
        (measured(new=ColumnMeasurement("new", "number", missing=1000)), False, "new has no value in any row"),
    ],
)
def test_a_broken_rule_fails_and_says_so(found, passes, reason):
    outcome, reasons = judge(found)
    assert outcome == (Outcome.PASS if passes else Outcome.FAIL)
    assert reason in reasons


def test_an_absent_column_is_named():
    found = measured()
    del found.columns["carrier"]
    assert judge(found) == (Outcome.FAIL, "the table lacks carrier, which the schema has")


@pytest.mark.parametrize(("bad", "passes"), [(50, True), (51, False)])
def test_too_many_bad_rows_fail(bad, passes):
    outcome, reasons = judge(measured(), {"x is above 2": bad - 1, "late is missing": 1})
    assert (outcome == Outcome.PASS) is passes
    if not passes:
        assert reasons == "51 of 1000 rows are bad, 5.1%, more than 5.0%; most often: x is above 2 (50 rows)"


def test_too_few_good_rows_fail():
    assert judge(measured(), limits=Limits(0.05, 1000))[0] == Outcome.PASS
    outcome, reasons = judge(measured(), {"bad": 1}, Limits(0.05, 1000))
    assert (outcome, reasons) == (Outcome.FAIL, "999 good rows are left, fewer than 1000")


def test_every_broken_rule_is_told():
    _, reasons = judge(measured(duplicates=500, label_values=1), {"bad": 500})
    assert reasons.count(" | ") == 2


def test_the_numbers_say_what_was_measured():
    decision = decide(measured(), EXPECTED, {"a": 3, "b": 1}, "late", LIMITS, {})
    assert decision.numbers["accepted_rows"] == 996
    assert decision.numbers["quarantined_rows"] == 4
    assert decision.numbers["bad_share"] == 0.004
    assert decision.numbers["duplicate_share"] == 0.02
