from __future__ import annotations

from pathlib import Path

import pytest

from kfp_lifecycle.serving.arguments import DEFAULT_BUCKETS, parse_arguments, parse_buckets
from kfp_lifecycle.serving.predictions import Output

REQUIRED = ["--model_name", "flights", "--model_dir", "/mnt/models"]


def test_the_defaults_are_those_of_a_pod() -> None:
    arguments = parse_arguments(REQUIRED, {})
    assert arguments.model_dir == Path("/mnt/models")
    assert (arguments.host, arguments.http_port, arguments.grpc) == ("0.0.0.0", 8080, False)
    assert (arguments.output, arguments.max_body_bytes, arguments.input_checks) == (Output.LABELS, 1 << 20, True)
    assert (arguments.version, arguments.digest, arguments.buckets) == ("unknown", "", DEFAULT_BUCKETS)


def test_version_and_digest_come_from_the_environment() -> None:
    arguments = parse_arguments(
        REQUIRED,
        {
            "KFP_LIFECYCLE_MODEL_VERSION": "7",
            "KFP_LIFECYCLE_MODEL_DIGEST": "abc",
            "KFP_LIFECYCLE_LATENCY_BUCKETS": "0.1,1",
        },
    )
    assert (arguments.version, arguments.digest, arguments.buckets) == ("7", "abc", (0.1, 1.0))


@pytest.mark.parametrize("text", ["fast", "1,1", "2,1", "0,1", "-1", "nan", "inf", "1,,2"])
def test_bucket_edges_that_do_not_rise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="KFP_LIFECYCLE_LATENCY_BUCKETS"):
        parse_buckets(text)


@pytest.mark.parametrize(
    "words",
    [
        ["--max_body_bytes", "0"],
        ["--output", "scores"],
        ["--model", "x"],
        ["--drain_seconds", "-1"],
        ["--threads", "no"],
    ],
)
def test_a_wrong_word_ends_the_start(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, *words], {})
    assert words[0] in capsys.readouterr().err
