"""Where does a step's configuration come from?"""

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import GATEWAY_DOMAIN, MODELS_ROOT, SERVE_SCHEMES, required, setting, words


def test_a_variable_wins_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GATEWAY_DOMAIN, "models.internal")
    assert setting(GATEWAY_DOMAIN) == "models.internal"


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GATEWAY_DOMAIN, "")
    assert setting(GATEWAY_DOMAIN) == "example.com"


def test_a_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVE_SCHEMES, "s3, gs,,file")
    assert words(SERVE_SCHEMES) == ("s3", "gs", "file")


def test_a_missing_setting_names_the_variable_and_the_config_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODELS_ROOT, raising=False)
    with pytest.raises(InputError, match="KFP_LIFECYCLE_MODELS_ROOT=''.*ConfigMap 'kfp-lifecycle'"):
        required(MODELS_ROOT)


def test_a_long_value_is_cut_in_the_message() -> None:
    error = InputError("parameters", "x" * 10_000, "JSON", "Shorten it.")
    assert len(str(error)) < 300
