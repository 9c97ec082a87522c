"""The doctor, stand-ins for what it asks, and clusters that it looks at."""

from __future__ import annotations

from tests.cli.doctor.stand_in import api, doctor, kubernetes

from kfp_lifecycle.local.testing import local_cluster

__all__ = ["api", "doctor", "kubernetes", "local_cluster"]
