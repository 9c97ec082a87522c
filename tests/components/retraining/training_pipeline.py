"""Compile a pipeline that stands for a training: it waits for a file, and fails or ends.

In a process of its own, as compiling leaves marks on kfp's globals.
"""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def train_slowly(model_name: str, gate: str) -> str:
    import time
    from pathlib import Path

    until = time.monotonic() + 120
    while gate and not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.05)
    return model_name


@dsl.pipeline(name="training")
def training(model_name: str, as_of: str = "", environment: str = "", gate: str = ""):
    train_slowly(model_name=model_name, gate=gate).set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(training, sys.argv[1])
