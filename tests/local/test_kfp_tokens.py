"""The file from which steps read their token."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import kfp_tokens
from kfp_lifecycle.local.kubernetes_api import tokens
from kfp_lifecycle.local.state import StateFolder

USER = "system:serviceaccount:default:default-editor"
KEY = b"key"


def test_a_token_is_renewed_before_its_end_and_not_sooner(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path)
    kfp_tokens.renew(state, KEY, USER, now=1000)
    first = state[kfp_tokens.TOKEN_FILE].read_text()
    claims = tokens.verify(first, KEY, now=1000)
    assert claims == {"sub": USER, "aud": ["pipelines.kubeflow.org"], "iat": 1000, "exp": 4600}
    assert stat.S_IMODE(state[kfp_tokens.TOKEN_FILE].stat().st_mode) == 0o600
    kfp_tokens.renew(state, KEY, USER, now=3800)
    assert state[kfp_tokens.TOKEN_FILE].read_text() == first
    kfp_tokens.renew(state, KEY, USER, now=3881)
    second = tokens.verify(state[kfp_tokens.TOKEN_FILE].read_text(), KEY, now=3881)
    assert second is not None
    assert second["exp"] == 3881 + 3600


@pytest.mark.parametrize(("key", "user"), [(b"other", USER), (KEY, "system:serviceaccount:other:default-editor")])
def test_a_token_of_another_cluster_or_user_is_replaced(tmp_path: Path, key: bytes, user: str) -> None:
    state = StateFolder.at(tmp_path)
    kfp_tokens.renew(state, key, user, now=1000)
    kfp_tokens.renew(state, KEY, USER, now=1001)
    claims = tokens.verify(state[kfp_tokens.TOKEN_FILE].read_text(), KEY, now=1001)
    assert claims is not None
    assert claims["sub"] == USER


def test_the_key_goes_to_the_api_by_a_private_file(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path)
    with pytest.raises(InputError, match="local up"):
        kfp_tokens.key(state)
    kfp_tokens.share(state, KEY)
    assert kfp_tokens.key(state) == KEY
    assert stat.S_IMODE(state[kfp_tokens.KEY_FILE].stat().st_mode) == 0o600
