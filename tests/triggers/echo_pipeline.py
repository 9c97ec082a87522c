"""Compile a pipeline of one quick task; in a process of its own, as compiling leaves marks on kfp's globals."""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def echo(model: str) -> str:
    if model == "fail":
        raise ValueError("told to fail")
    return model


@dsl.pipeline(name="retrain")
def retrain(model: str = "none", rows: int = 1):
    echo(model=model).set_caching_options(False)


if __name__ == "__main__":
    compiler.Compiler().compile(retrain, sys.argv[1])
