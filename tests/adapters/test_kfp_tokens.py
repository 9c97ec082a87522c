"""Which token goes with a request to the KFP API?"""

from __future__ import annotations

from pathlib import Path

import kfp_server_api
import pytest
from tests.cli.doctor.stand_in import KFP_HEALTH, Api, api

from kfp_lifecycle.adapters import kfp_connection
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError

__all__ = ["api"]


@pytest.fixture
def kfp(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    api.paths[KFP_HEALTH] = {"multi_user": False}
    monkeypatch.setenv(settings.KFP_ENDPOINT, api.url)
    monkeypatch.delenv(settings.KFP_TOKEN_FILE, raising=False)
    return api


def tokens(kfp: Api) -> list[str | None]:
    return [request.headers.get("authorization") for request in kfp.asked]


def test_a_mounted_token_is_read_anew_for_each_request(
    kfp: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    monkeypatch.setenv(settings.KFP_TOKEN_FILE, str(file))
    file.write_text("first\n")
    connection = kfp_connection.connect()
    file.write_text("second\n")
    health = kfp_server_api.HealthzServiceApi(connection.client)
    connection.read("read its health", health.healthz_service_get_healthz)
    assert tokens(kfp) == ["Bearer first", "Bearer second"]


def test_without_a_token_none_is_sent(kfp: Api) -> None:
    kfp_connection.connect()
    assert tokens(kfp) == [None]


@pytest.mark.parametrize("content", ["", " \n", None])
def test_a_token_file_without_a_token_is_refused_before_anything_is_sent(
    kfp: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    monkeypatch.setenv(settings.KFP_TOKEN_FILE, str(tmp_path / "token"))
    with pytest.raises(InputError, match="holds a token"):
        kfp_connection.connect()
    assert kfp.asked == []
