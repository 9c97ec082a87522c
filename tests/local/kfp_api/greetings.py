"""Two small pipelines; KFP reads annotations at run time, so they have a module of their own."""

from kfp import dsl, kubernetes

IMAGE = "ghcr.io/kfp-lifecycle/kfp-lifecycle-python-train:0"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def greet(name: str, times: int) -> str:
    return name * times


@dsl.pipeline(name="greet")
def greeting(name: str, times: int = 1, ratio: float = 0.5, flags: list = [True]):  # noqa: B006
    greet(name=name, times=times)


@dsl.pipeline(name="greet-secretly")
def secret_greeting():
    kubernetes.use_secret_as_env(greet(name="x", times=1), "password", {"key": "PASSWORD"})
