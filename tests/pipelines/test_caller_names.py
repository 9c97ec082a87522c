"""Does kfp still name its method in a message when names are found quickly?"""

import pytest
from kfp import dsl
from kfp.dsl import pipeline_task

from kfp_lifecycle.pipelines.caller_names import quick_caller_names


def test_a_step_without_a_container_is_refused_by_the_name_of_the_method() -> None:
    with pytest.raises(ValueError, match="set_cpu_request can only be used on single-step components"):

        @dsl.pipeline
        def with_import(uri: str) -> None:
            task = dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset)
            with quick_caller_names():
                task.set_cpu_request("1")


def test_what_kfp_uses_is_as_before_after_the_block() -> None:
    before = pipeline_task.inspect
    with quick_caller_names():
        assert pipeline_task.inspect is not before
    assert pipeline_task.inspect is before
