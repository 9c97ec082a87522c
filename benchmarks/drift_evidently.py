"""Evidently's data-drift preset as its users run it, in an environment of its own; started by ``drift.py``.

    python drift_evidently.py REFERENCE.npy WINDOW.npy [REPEATS]

Prints one line of JSON: CPU seconds of the import, of the report's run (median) and the version.
"""

import json
import statistics
import sys
import time

import numpy as np

began = time.process_time()
import evidently  # noqa: E402
import pandas as pd  # noqa: E402
from evidently import Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402

imported = time.process_time() - began


def main(reference: str, window: str, repeats: str = "1") -> None:
    """Run the preset on two matrices of numbers."""
    frames = []
    for path in (reference, window):
        matrix = np.load(path, allow_pickle=False)
        frames.append(pd.DataFrame(matrix, columns=[f"f{number}" for number in range(matrix.shape[1])]))
    seconds = []
    for _ in range(int(repeats)):
        began = time.process_time()
        Report([DataDriftPreset()]).run(frames[1], frames[0])
        seconds.append(time.process_time() - began)
    print(json.dumps({"version": evidently.__version__, "import": imported, "run": statistics.median(seconds)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
