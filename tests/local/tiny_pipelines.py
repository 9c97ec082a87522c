"""Pipelines of a few lines that show what a runner must cope with.

``python tiny_pipelines.py FOLDER`` compiles them.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl

IMAGE = "ghcr.io/kfp-lifecycle/kfp-lifecycle-python-train:0"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def show(
    number: int,
    ratio: float,
    flag: bool,
    names: list,
    options: dict,
    text: str,
    file: dsl.Output[dsl.Dataset],
    run_id: str = "",
    created: str = "",
) -> NamedTuple("Outputs", [("seen", str), ("run_id", str), ("created", str)]):
    import json
    import pathlib
    import sys

    print(f"number is {number}")
    print("from stderr", file=sys.stderr)
    pathlib.Path(file.path).write_text(text)
    return (json.dumps([number, ratio, flag, names, options, text]), run_id, created)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def item(name: str):
    print(f"item {name}")


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def divide(number: int, file: dsl.Input[dsl.Dataset]) -> float:
    def inner() -> float:
        return 1 / number

    return inner()


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def wait(marker: str):
    import os
    import pathlib
    import subprocess
    import time

    child = subprocess.Popen(["sleep", "600"])
    pathlib.Path(marker).write_text(f"{os.getpid()} {child.pid}\n")
    time.sleep(600)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def environment(names: list) -> str:
    import json
    import os
    import sys

    return json.dumps({**{name: os.environ.get(name) for name in names}, "path": sys.path, "python": sys.executable})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def own_code() -> str:
    import my_estimators

    return my_estimators.NAME


@dsl.pipeline(name="tiny")
def tiny(
    number: int,
    ratio: float = 0.5,
    flag: bool = False,
    names: list = ["a", "b"],  # noqa: B006
    options: dict = {},  # noqa: B006
    text: str = "python3",
    divide_too: bool = False,
):
    shown = show(
        number=number,
        ratio=ratio,
        flag=flag,
        names=names,
        options=options,
        text=text,
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        created=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER,
    )
    with dsl.ParallelFor(["x", "y"]) as name:
        item(name=name)
    with dsl.If(divide_too == True):  # noqa: E712
        task = divide(number=number, file=shown.outputs["file"])
        task.set_retry(3, backoff_duration="60s")


@dsl.pipeline(name="waiting")
def waiting(marker: str):
    wait(marker=marker)


@dsl.pipeline(name="surroundings")
def surroundings(names: list):
    environment(names=names)


@dsl.pipeline(name="own")
def own():
    own_code()


@dsl.pipeline(name="item")
def namesake(first: str, second: str):
    item(name=first)
    item(name=second)


if __name__ == "__main__":
    for pipeline in (tiny, waiting, surroundings, own, namesake):
        compiler.Compiler().compile(pipeline, str(Path(sys.argv[1]) / f"{pipeline.name}.yaml"))
    compiler.Compiler().compile(divide, str(Path(sys.argv[1]) / "divide.yaml"))
