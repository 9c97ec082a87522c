"""One click back: an open release's canary off, or the last promotion undone."""

from kfp import dsl

from kfp_lifecycle.components import conclude, roll_back
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="roll-back-release")
def roll_back_release(
    service: str,
    namespace: str = "",
    reason: str = "",
    version: str = "",
    timeout_seconds: int = 900,
) -> None:
    """Give the users of a service back what they got before its last release.

    Where a canary stands it is taken off. Where none does, the version before the champion comes back: it starts
    beside the champion, answers a probe, and then takes over. If it does not start, the champion serves on and the
    run fails.

    Args:
        service: The name of the InferenceService.
        namespace: The namespace of the service; empty means the run's own.
        reason: Kept in the release record.
        version: Take back this version only; empty takes any.
        timeout_seconds: How long to wait for the version that comes back.
    """
    rolled_back = configured(
        roll_back(
            service=service,
            namespace=namespace,
            version=version,
            reason=reason,
            undo_promotion=True,
            timeout_seconds=timeout_seconds,
        )
    )
    # A service that was not restored fails the run whatever is asked of refusals; everything else ends it well.
    configured(
        conclude(
            step="roll_back",
            outcome=rolled_back.outputs["outcome"],
            decision=rolled_back.outputs["decision"],
            on_refusal="succeed",
        )
    )
