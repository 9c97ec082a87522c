"""What register refuses; a refused input leaves no version and no export."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from kfp_lifecycle.adapters import mlflow_connection
from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.core.checksums import verify_checksums
from kfp_lifecycle.core.errors import InputError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    return tmp_path / "models"


def refused(parameter: str, said: str):
    return pytest.raises(InputError, match=rf"(?s)^{parameter}=.*{said}")


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "-a", "a b", "x" * 64, "../a"])
def test_a_name_that_cannot_be_a_folder_a_label_and_a_registered_model(trained_offline, root, name):
    with refused("model_name", "Write for example"):
        register(trained_offline, name)


def test_an_environment_that_no_alias_can_carry(trained_offline, root):
    with refused("environment", "lower-case"):
        register(trained_offline, "model", environment="Prod!")


def test_a_models_root_that_is_not_set_names_the_setting_and_the_config_map(trained_offline, monkeypatch):
    monkeypatch.delenv("KFP_LIFECYCLE_MODELS_ROOT", raising=False)
    with refused("KFP_LIFECYCLE_MODELS_ROOT", "ConfigMap 'kfp-lifecycle'"):
        register(trained_offline, "model")


def test_an_mlflow_server_that_does_not_answer(trained_offline, root, monkeypatch):
    monkeypatch.setattr(mlflow_connection, "PATIENCE", 0.5)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(InputError, match="^MLFLOW_TRACKING_URI='http://127.0.0.1:9': expected an MLflow") as raised:
        register(trained_offline, "model")
    assert "secret" not in str(raised.value)
    assert not root.exists()


@pytest.mark.parametrize("key", ["content_key", "digest", "model_id"])
def test_a_model_that_train_did_not_make(trained_offline, root, key):
    trained_offline.metadata.pop(key)
    with refused("model", f"metadata holds {key}"):
        register(trained_offline, "model")


def test_a_content_key_that_would_change_the_search_for_it(trained_offline, root):
    trained_offline.metadata["content_key"] = "x' or name='other"
    with refused("model", "a content key as train makes it"):
        register(trained_offline, "model")


def test_one_flipped_byte_in_the_model_file(trained_offline, root):
    file = Path(trained_offline.path) / "model.skops"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    with refused("model", "model.skops was changed"):
        register(trained_offline, "model")


def test_a_models_root_that_is_not_writable_leaves_no_version(mlflow_uri, trained, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "file"))
    name = f"model-{uuid.uuid4().hex[:8]}"
    with refused("KFP_LIFECYCLE_MODELS_ROOT", "may write to"):
        register(trained(), name)
    assert not MlflowClient(mlflow_uri).search_registered_models(f"name='{name}'")


@pytest.mark.parametrize("tag", ["kfp-lifecycle.digest", "kfp-lifecycle.uri"])
def test_a_version_that_lost_a_tag_is_named(mlflow_uri, trained, root, tag):
    name, model = f"model-{uuid.uuid4().hex[:8]}", trained()
    version, _, _ = register(model, name)
    MlflowClient(mlflow_uri).delete_model_version_tag(name, version, tag)
    with refused("model_name", f"version {version} has no tag {tag}"):
        register(model, name)


def test_an_export_that_was_removed_is_made_again(mlflow_uri, trained, root):
    name, model = f"model-{uuid.uuid4().hex[:8]}", trained()
    first = register(model, name)
    shutil.rmtree(root / name)
    assert register(model, name) == first
    assert (root / name / first[2] / "checksums.json").exists()


def test_an_export_that_was_removed_is_made_again_from_what_mlflow_keeps(mlflow_uri, trained, root):
    name, first, again = f"model-{uuid.uuid4().hex[:8]}", trained(content="a"), trained(content="b")
    answer = register(first, name)
    shutil.rmtree(root / name)
    assert register(again, name) == answer
    assert verify_checksums(root / name / answer[2]) == first.metadata["digest"]


def test_an_export_that_was_removed_and_that_mlflow_has_changed_is_lost(mlflow_uri, trained, root, tmp_path):
    name, first = f"model-{uuid.uuid4().hex[:8]}", trained(content="a")
    register(first, name)
    shutil.rmtree(root / name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.skops").write_text("changed")
    MlflowClient(mlflow_uri).log_model_artifacts(first.metadata["model_id"], str(tmp_path / "other"))
    with refused("KFP_LIFECYCLE_MODELS_ROOT", "Delete version 1 in MLflow"):
        register(trained(content="b"), name)
    assert not (root / name).exists()


def test_an_export_with_one_flipped_byte_is_named_and_never_overwritten(mlflow_uri, trained, root):
    name, model = f"model-{uuid.uuid4().hex[:8]}", trained()
    file = root / name / register(model, name)[2] / "model.skops"
    file.write_bytes(b"W" + file.read_bytes()[1:])
    with refused("KFP_LIFECYCLE_MODELS_ROOT", "model.skops was changed"):
        register(model, name)
    assert file.read_bytes().startswith(b"W")
