"""Write every pipeline and component to build/; ``python compile.py --help`` lists the options."""

import sys
from pathlib import Path

# Python put this folder first on the path, where our kserve/ would hide the kserve package.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from kfp_lifecycle.cli.compile import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
