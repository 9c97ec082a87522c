"""Pipelines that are executed, not only kept; KFP reads annotations at run time, so they have a module of their own."""

from kfp import dsl

IMAGE = "ghcr.io/kfp-lifecycle/kfp-lifecycle-python-train:0"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def add(first: int, second: int, table: dsl.Output[dsl.Dataset]) -> int:
    import pathlib

    pathlib.Path(table.path).write_text(f"{first},{second}")
    table.metadata["rows"] = 1
    return first + second


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def divide(number: int, table: dsl.Input[dsl.Dataset]) -> float:
    return 1 / number


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def note(ledger: str, text: str, seconds: float):
    """Notes its start, then waits."""
    import time

    with open(ledger, "a") as file:  # noqa: PTH123
        file.write(text + "\n")
    time.sleep(seconds)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def stubborn(ledger: str):
    """Ignores SIGTERM, and so does its child, which has a session of its own."""
    import os
    import signal
    import subprocess
    import time

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with open(ledger, "a") as file:  # noqa: PTH123
        file.write(f"{os.getpid()} {child.pid}\n")
    time.sleep(600)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def own_code(ledger: str) -> str:
    import my_estimators

    with open(ledger, "a") as file:  # noqa: PTH123
        file.write(my_estimators.NAME + "\n")
    return my_estimators.NAME


@dsl.pipeline(name="sums")
def sums(first: int, second: int = 2, divisor: int = 1):
    added = add(first=first, second=second)
    divide(number=divisor, table=added.outputs["table"])


@dsl.pipeline(name="noting")
def noting(ledger: str, text: str = "", seconds: float = 0.0):
    note(ledger=ledger, text=text, seconds=seconds).set_caching_options(False)


@dsl.pipeline(name="refusing")
def refusing(ledger: str):
    stubborn(ledger=ledger)


@dsl.pipeline(name="own")
def own(ledger: str):
    own_code(ledger=ledger)
    note(ledger=ledger, text="always", seconds=0.0).set_caching_options(False)


PIPELINES = (sums, noting, refusing, own)
