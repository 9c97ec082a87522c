"""Does the compiled pipeline hold the rules of the cluster and of one machine?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kfp_lifecycle.components import images, metadata
from kfp_lifecycle.core import settings

ADDRESSES_OF_DATA = {"data_uri", "schema_uri"}


def step_tasks(ir: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each step of the pipeline as (task name, task, executor label)."""
    for part in (ir["root"], *ir["components"].values()):
        for name, task in part.get("dag", {}).get("tasks", {}).items():
            component = ir["components"][task["componentRef"]["name"]]
            if "executorLabel" in component:
                yield name, task, component["executorLabel"]


def verb_of(task: str) -> str:
    return re.sub(r"-\d+$", "", task).replace("-", "_")


def conditions(ir: dict[str, Any]) -> list[tuple[str, set[str]]]:
    """Each branch as (condition, steps right inside it)."""
    found = []
    for part in (ir["root"], *ir["components"].values()):
        for task in part.get("dag", {}).get("tasks", {}).values():
            if "condition" in task.get("triggerPolicy", {}):
                inner = ir["components"][task["componentRef"]["name"]]["dag"]["tasks"]
                found.append((task["triggerPolicy"]["condition"], set(inner)))
    return found


def test_it_takes_parameters_only(ir: dict[str, Any]) -> None:
    assert "artifacts" not in ir["root"]["inputDefinitions"]


def test_four_parameters_are_required(ir: dict[str, Any]) -> None:
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    required = {name for name, it in parameters.items() if not it.get("isOptional")}
    assert required == {"data_uri", "label", "model_name", "service"}


def test_every_parameter_is_described(ir: dict[str, Any]) -> None:
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    assert [name for name, it in parameters.items() if not it.get("description")] == []


def test_no_parameter_is_an_endpoint_or_a_secret(ir: dict[str, Any]) -> None:
    like = re.compile(r"password|token|secret|credential|(^|_)key($|_)|endpoint|ur[il]|host|tracking")
    names = set(ir["root"]["inputDefinitions"]["parameters"])
    assert {name for name in names if like.search(name)} == ADDRESSES_OF_DATA


def test_estimator_parameters_are_text_because_a_struct_turns_integers_into_floats(ir: dict[str, Any]) -> None:
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    assert parameters["parameters"]["parameterType"] == "STRING"
    assert not [name for name, it in parameters.items() if it["parameterType"] == "STRUCT"]


def test_all_images_are_from_the_table_and_nothing_is_installed(ir: dict[str, Any]) -> None:
    table = {images.reference(family) for family in images.NAMES}
    for executor in ir["deploymentSpec"]["executors"].values():
        assert executor["container"]["image"] in table
        assert "pip install" not in json.dumps(executor["container"]["command"])


def test_steps_run_in_the_order_of_the_lifecycle_and_each_refusal_concludes(ir: dict[str, Any]) -> None:
    steps = [set(part.get("dag", {}).get("tasks", {})) for part in ir["components"].values()]
    # All but the exit handler's own step is inside it.
    assert set(ir["root"]["dag"]["tasks"]) == {"exit-handler-1", "notify"}
    assert any({"collect", "validate"} <= names for names in steps)
    valid = next(steps for condition, steps in conditions(ir) if "split" in steps)
    assert {"split", "train", "evaluate"} <= valid
    good = next(steps for condition, steps in conditions(ir) if "deploy" in steps)
    assert {"register", "deploy"} <= good
    concluded = {
        task["inputs"]["parameters"]["step"]["runtimeValue"]["constant"]
        for name, task, _ in step_tasks(ir)
        if verb_of(name) == "conclude"
    }
    assert concluded == {"validate", "evaluate", "deploy", "judge", "approve", "promote"}


def test_only_a_canary_is_judged_and_only_a_judges_yes_and_a_humans_promote(ir: dict[str, Any]) -> None:
    found = {
        verb: [condition for condition, steps in conditions(ir) if verb in set(map(verb_of, steps))]
        for verb in ("judge", "approve", "promote", "roll_back")
    }
    [judged], [approved], [promoted], rolled_back = found.values()
    assert judged.endswith("deploy-outcome'] == 'canary'")
    assert approved.endswith("judge-outcome'] == 'promote'") and not approved.startswith("!")
    assert promoted.endswith("approve-outcome'] == 'approved'") and not promoted.startswith("!")
    assert sorted(rolled_back) == sorted(f"!({condition})" for condition in (approved, promoted))


def test_nobody_is_asked_unless_a_user_wants_it(ir: dict[str, Any]) -> None:
    assert ir["root"]["inputDefinitions"]["parameters"]["approval"]["defaultValue"] == "none"


def test_what_approve_gets_is_checked_before_anything_is_deployed(ir: dict[str, Any]) -> None:
    given = {verb_of(name): task["inputs"]["parameters"] for name, task, _ in step_tasks(ir)}
    for early, late in (("approval", "source"), ("approval_timeout_seconds", "timeout_seconds")):
        assert given["deploy"][early] == given["approve"][late]


def test_a_release_that_was_not_approved_is_said_to_be_no_more_than_that(ir: dict[str, Any]) -> None:
    # It may have been rejected, or superseded, or nobody came.
    reasons = [
        task["inputs"]["parameters"]["reason"]["runtimeValue"]["constant"]
        for name, task, _ in step_tasks(ir)
        if verb_of(name) == "roll_back"
    ]
    assert sorted(reasons) == ["it was not approved", "the judge said so"]


def test_a_roll_back_that_did_not_work_is_not_hidden_behind_a_no(ir: dict[str, Any]) -> None:
    concluding = {
        task["inputs"]["parameters"]["step"]["runtimeValue"]["constant"]: task["inputs"]["parameters"]
        for name, task, _ in step_tasks(ir)
        if verb_of(name) == "conclude"
    }
    for step in ("judge", "approve"):
        producer = concluding[step]["restored"]["taskOutputParameter"]["producerTask"]
        assert verb_of(producer) == "roll_back"


def test_however_the_run_ends_what_it_left_open_is_taken_off_and_told(ir: dict[str, Any]) -> None:
    task = ir["root"]["dag"]["tasks"]["notify"]
    assert task["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
    assert task["dependentTasks"] == ["exit-handler-1"]
    given = task["inputs"]["parameters"]
    assert given["run_id"]["runtimeValue"]["constant"] == "{{$.pipeline_job_uuid}}"
    assert given["take_off"]["runtimeValue"]["constant"] is True
    assert given["status"]["taskFinalStatus"]["producerTask"] == "exit-handler-1"


def test_one_exit_task_stands_for_all_as_a_cluster_runs_one_only(ir: dict[str, Any]) -> None:
    last = [
        name
        for name, task, _ in step_tasks(ir)
        if task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
    ]
    assert last == ["notify"]


def test_the_waiting_step_is_left_where_it_is_and_ended_at_last(ir: dict[str, Any], executors: dict[str, Any]) -> None:
    for name, _, label in step_tasks(ir):
        given = executors.get(label, {})
        annotations = given.get("podMetadata", {}).get("annotations", {})
        waits = verb_of(name) in ("judge", "approve")
        assert (annotations.get("cluster-autoscaler.kubernetes.io/safe-to-evict") == "false") == waits
        assert (annotations.get("karpenter.sh/do-not-disrupt") == "true") == waits
        assert ("activeDeadlineSeconds" in given) == waits


def test_gates_compare_our_own_outcomes_only(ir: dict[str, Any]) -> None:
    # kfp.local evaluates the condition as text, so it must never hold words that a user chose.
    expected = re.compile(
        r"(!\()?inputs\.parameter_values\['pipelinechannel--"
        r"((validate|evaluate)-outcome'\] == 'pass'|deploy-outcome'\] == 'canary'|judge-outcome'\] == 'promote'"
        r"|approve-outcome'\] == 'approved')\)?"
    )
    for condition, _ in conditions(ir):
        assert expected.fullmatch(condition)


def test_every_step_gets_the_settings_and_the_secrets_it_reads(ir: dict[str, Any], executors: dict[str, Any]) -> None:
    known = {verb: metadata.load(folder) for verb, folder in metadata.folders().items()}
    for name, _, label in step_tasks(ir):
        configs = executors.get(label, {}).get("configMapAsEnv", [])
        assert {config["configMapName"] for config in configs} <= {settings.CONFIG_MAP}
        assert all(config["optional"] for config in configs)
        assert tuple(pair["envVar"] for it in configs for pair in it["keyToEnv"]) == known[verb_of(name)].settings
        secrets = [pair["envVar"] for it in executors.get(label, {}).get("secretAsEnv", []) for pair in it["keyToEnv"]]
        assert tuple(secrets) == known[verb_of(name)].secrets
        assert all(it["optional"] for it in executors.get(label, {}).get("secretAsEnv", []))


def test_only_cacheable_steps_are_cached(ir: dict[str, Any]) -> None:
    cached = {
        verb_of(name) for name, task, _ in step_tasks(ir) if task.get("cachingOptions", {}).get("enableCache", False)
    }
    assert cached == {"split"}


def test_a_conclusion_is_never_tried_again_and_every_other_step_is(ir: dict[str, Any]) -> None:
    retried = {verb_of(name) for name, task, _ in step_tasks(ir) if "retryPolicy" in task}
    assert retried == {verb_of(name) for name, *_ in step_tasks(ir)} - {"conclude"}


def test_every_step_requests_cpu_and_memory(ir: dict[str, Any]) -> None:
    for executor in ir["deploymentSpec"]["executors"].values():
        resources = executor["container"]["resources"]
        assert resources["resourceCpuRequest"]
        assert resources["resourceMemoryRequest"]


def test_the_run_id_is_kfps_own(ir: dict[str, Any]) -> None:
    for name, task, _ in step_tasks(ir):
        if verb_of(name) in {"register", "deploy", "judge", "approve", "promote", "roll_back", "notify"}:
            assert task["inputs"]["parameters"]["run_id"]["runtimeValue"]["constant"] == "{{$.pipeline_job_uuid}}"


def test_it_fits_into_a_workflow_object(documents: list[dict[str, Any]]) -> None:
    # KFP keeps all of it in annotations of one workflow object, 256 KiB at most (kubeflow/pipelines#10968); a user's
    # own pipeline around these steps needs some of that.
    assert len(json.dumps(documents, separators=(",", ":"))) < 170_000
