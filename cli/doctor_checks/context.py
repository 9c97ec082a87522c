"""What all checks share: where they look, as whom, and what they may write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from kfp_lifecycle.adapters import kubernetes_connection
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.cli.doctor_checks.probes import Probes
from kfp_lifecycle.core.diagnosis import Finding, warning

# The client keeps files that it makes of a kubeconfig's certificates in a table without a lock.
_CONNECTING = threading.Lock()
# The API does not tell: it knows the caller not or not well enough, or (the local one) does not serve the thing.
UNTOLD = (401, 403, 501)


@dataclass(frozen=True)
class Context:
    """The choices of one examination.

    Attributes:
        namespace: of the runs and of the InferenceServices.
        kubeconfig: of somebody who may read more than a run; empty for the runs' own.
        service_account: ``NAMESPACE:NAME``, whose rights are asked; empty for the caller's.
        kserve_namespaces: where KServe may be installed; the first that holds its ConfigMap counts.
        local: whether the settings are those of a local cluster, which needs no ConfigMap.
        read_only: make no probe object anywhere.
    """

    namespace: str
    kubeconfig: str = ""
    service_account: str = ""
    kserve_namespaces: tuple[str, ...] = ("kserve", "kubeflow")
    local: bool = False
    read_only: bool = False
    probes: Probes = field(default_factory=Probes)

    def runs(self) -> Connection:
        """The Kubernetes API, as the runs meet it."""
        with _CONNECTING:
            return kubernetes_connection.connect()

    def reader(self) -> Connection:
        """The Kubernetes API, for reading what runs may not."""
        with _CONNECTING:
            return kubernetes_connection.connect(self.kubeconfig)


def unless_untold(name: str, what: str, ask: Callable[[], list[Finding]]) -> list[Finding]:
    """What ``ask`` finds, or a warning where the API does not tell.

    Args:
        what: cannot be told then, in words.
    """
    try:
        return ask()
    except KubernetesError as error:
        if error.status not in UNTOLD:
            raise
        return [untold(name, what, error)]


def untold(name: str, what: str, error: KubernetesError) -> Finding:
    """The warning for what the API does not tell, with its reason."""
    if error.status == 501:
        remedy = "Nothing on a local cluster, which serves what the steps ask for; else look yourself."
        return warning(name, f"{what} cannot be told: {error}", remedy)
    remedy = "Give --kubeconfig FILE of an administrator, or look yourself."
    return warning(name, f"{what} cannot be told: this caller may not read it (HTTP {error.status})", remedy)
