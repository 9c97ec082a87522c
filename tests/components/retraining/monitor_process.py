"""The step ``start_retrain`` in a process of its own: arguments as JSON in, its answer as JSON out.

It says ``ready`` first and waits for a line, so that several begin at the same moment.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome
from kfp_lifecycle.components.retraining.retraining import start_retrain
from kfp_lifecycle.core.decision import Decision, save_decision


@dataclass
class File:
    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def main(folder: Path, arguments: dict[str, Any]) -> None:
    asked = MonitorOutcome(arguments.pop("outcome", "retrain"))
    lease = timedelta(seconds=arguments.pop("lease", 300))
    decision = File(str(folder / "monitor.json"))
    save_decision(Decision(asked, ("told to",), {"labelled_rows": arguments.pop("labelled_rows", 1000)}), decision.path)
    print("ready", flush=True)
    sys.stdin.readline()
    outcome, run_id = start_retrain(
        outcome=str(asked),
        decision=decision,
        decision_out=File(str(folder / "decision.json")),
        report=File(str(folder / "report.html")),
        lease=lease,
        **arguments,
    )
    print(json.dumps({"outcome": outcome, "run_id": run_id}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
