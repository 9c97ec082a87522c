"""Is a settings file read as it is meant, and is what is wrong in it named with its place?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from kfp_lifecycle.components import metadata
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.pipelines.quantities import amount
from kfp_lifecycle.pipelines.settings import effective
from kfp_lifecycle.pipelines.settings_file import KEYS, TOP, load_task_settings
from kfp_lifecycle.pipelines.task_settings import Settings, TaskSettings, Toleration


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def load(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load_task_settings(file)


def known(verb: str) -> metadata.Metadata:
    return metadata.load(metadata.folders()[verb])


def test_every_key_is_read(file: Path) -> None:
    block = load(
        file,
        """
        own_components: [add_ratios]
        defaults: {}
        tasks:
          add_ratios:
            config_map: team
            secret: team-secret
            config_maps: {regions: [REGION]}
            secrets: {database: [DB_USER, DB_PASSWORD]}
            cpu: {request: 0.5, limit: 2}
            memory: {request: 1Gi, limit: 4Gi}
            accelerator: {type: nvidia.com/gpu, count: 1}
            node_selector: {disktype: ssd}
            tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoExecute, seconds: 60}]
            retries: 2
            timeout_seconds: 600
            tmp: 2Gi
            labels: {team: returns}
            annotations: {owner: "any text, at all"}
            image_pull_secrets: [registry]
            cache: true
        """,
    ).own("add_ratios")
    assert block == TaskSettings(
        config_map="team",
        secret="team-secret",
        config_maps={"regions": ("REGION",)},
        secrets={"database": ("DB_USER", "DB_PASSWORD")},
        cpu_request="0.5",
        cpu_limit="2",
        memory_request="1Gi",
        memory_limit="4Gi",
        accelerator_type="nvidia.com/gpu",
        accelerator_count=1,
        node_selector={"disktype": "ssd"},
        tolerations=(Toleration("nvidia.com/gpu", "Exists", "", "NoExecute", 60),),
        retries=2,
        timeout_seconds=600,
        tmp="2Gi",
        labels={"team": "returns"},
        annotations={"owner": "any text, at all"},
        image_pull_secrets=("registry",),
        cache=True,
    )


def test_an_empty_file_says_nothing(file: Path) -> None:
    assert load(file, "# later\n") == Settings()


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("default: {}", "1 default", "one of defaults, tasks, own_components"),
        ("[]", "1", "a mapping"),
        ("tasks: {trian: {}}", "1 tasks.trian", "own_components"),
        ("tasks: {roll-back: {}}", "1 tasks.roll-back", "Write roll_back."),
        ("tasks:\n  train:\n    cpus: 2", "3 tasks.train.cpus", "Remove 'cpus'"),
        ("tasks:\n  train:\n    cpu: 2", "3 tasks.train.cpu", "a mapping"),
        ("defaults: {cpu: {limit: two}}", "1 defaults.cpu.limit", "500m or 2"),
        ("defaults: {cpu: {limit: true}}", "1 defaults.cpu.limit", "500m or 2"),
        ("defaults: {memory: {limit: 4GB}}", "1 defaults.memory.limit", "2Gi"),
        ("defaults: {tmp: lots}", "1 defaults.tmp", "2Gi"),
        ("defaults: {retries: 1.5}", "1 defaults.retries", "a whole number from 0 to 10"),
        ("defaults: {retries: 11}", "1 defaults.retries", "a whole number from 0 to 10"),
        ("defaults: {timeout_seconds: 0}", "1 defaults.timeout_seconds", "from 1"),
        ("defaults: {cache: 'false'}", "1 defaults.cache", "true or false"),
        ("tasks: {train: {cache: true}}", "1 tasks.train.cache", "false"),
        ("defaults: {labels: {team: yes}}", "1 defaults.labels.team", "in quotes"),
        ("defaults: {labels: {a b: c}}", "1 defaults.labels.a b", "key 'a b'"),
        ("defaults: {labels: {a: 'b c'}}", "1 defaults.labels.a", "a label"),
        ("defaults: {accelerator: {type: nvidia.com/gpu}}", "1 defaults.accelerator", "both type and count"),
        ("defaults: {image_pull_secrets: registry}", "1 defaults.image_pull_secrets", "a list"),
        ("defaults: {secrets: {database: [DB-USER]}}", "1 defaults.secrets.database[0]", "DB_PASSWORD"),
        ("defaults: {secrets: {Data_Base: [DB]}}", "1 defaults.secrets.Data_Base", "an object of Kubernetes"),
        ("defaults: {tolerations: [{effect: NoSchedule}]}", "1 defaults.tolerations[0]", "a key, or"),
        ("defaults: {tolerations: [{key: a, operator: Exists, value: b}]}", "1 defaults.tolerations[0]", "no value"),
        ("defaults: {tolerations: [{key: a, effect: Never}]}", "1 defaults.tolerations[0].effect", "NoSchedule"),
        ("defaults: {tolerations: [{key: a, seconds: 5}]}", "1 defaults.tolerations[0]", "NoExecute"),
        ("defaults: {retries: 1, retries: 2}", "1", "each name once"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_place(file: Path, text: str, place: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load(file, text)
    assert str(caught.value).startswith(f"{file}:{place}=")
    assert expected in str(caught.value)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(InputError, match=re.escape(str(file))):
        load_task_settings(file)


_KEYS = st.sampled_from([*TOP, *KEYS, "train", "request", "limit", "type", "count", "key", "a"])
_CONTENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "2Gi", "gpu"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(TOP), _CONTENT) | _CONTENT)
def test_any_content_is_read_or_refused_with_the_files_name(tmp_path_factory: Any, content: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    try:
        assert isinstance(load(file, yaml.safe_dump(content)), Settings)
    except InputError as error:
        assert error.parameter.startswith(str(file))


@given(st.from_regex(r"([0-9]{1,6}(\.[0-9]{1,3})?m?)|([0-9]{1,6}([EPTGM]i?|Ki)?)", fullmatch=True))
def test_a_quantity_is_what_kubernetes_takes_it_for(quantity: str) -> None:
    assert amount(quantity) == parse_quantity(quantity)


def test_a_block_of_its_own_goes_over_defaults_and_these_over_the_metadata() -> None:
    chosen = Settings(
        TaskSettings(cpu_request="2", cpu_limit="4", labels={"team": "a", "tier": "x"}),
        {"train": TaskSettings(cpu_limit="8", labels={"team": "b"})},
    )
    said = effective("train", known("train"), chosen)
    assert (said.cpu_request, said.cpu_limit, said.memory_request) == ("2", "8", known("train").memory)
    assert said.labels == {"team": "b", "tier": "x"}


def test_defaults_never_cache_repeat_or_cut_short_what_must_not_be() -> None:
    chosen = Settings(TaskSettings(cache=True, retries=5, timeout_seconds=60))
    assert effective("register", known("register"), chosen).cache is False
    assert effective("split", known("split"), chosen).cache is True
    assert effective("conclude", known("conclude"), chosen).retries == 0
    assert effective("register", known("register"), chosen).retries == 5
    assert effective("judge", known("judge"), chosen).timeout_seconds == known("judge").longest_wait_seconds
    assert effective("deploy", known("deploy"), chosen).timeout_seconds == 60
    own = Settings(TaskSettings(), {"judge": TaskSettings(timeout_seconds=900, cache=False)})
    assert effective("judge", known("judge"), own).timeout_seconds == 900


def test_caching_can_be_turned_off_for_all() -> None:
    assert effective("split", known("split"), Settings(TaskSettings(cache=False))).cache is False


def test_the_page_shows_every_key_in_a_file_that_can_be_loaded(file: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "composing.md"
    [block] = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    settings = load(file, block)
    content = yaml.safe_load(block)
    assert set(content) == set(TOP)
    assert {key for each in (content["defaults"], *content["tasks"].values()) for key in each} == set(KEYS)
    assert settings.own("add_item_price").secrets == {"prices": ("PRICES_TOKEN",)}
