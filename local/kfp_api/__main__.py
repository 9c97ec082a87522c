"""The KFP API alone: ``python -P -m kfp_lifecycle.local.kfp_api --state DIR``.

The settings are those of the state folder's cluster.json, where the supervisor writes them, else the defaults.
"""

from __future__ import annotations

import argparse
import sys

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import kfp_tokens
from kfp_lifecycle.local.kfp_api.server import serve
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder, read_json


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -P -m kfp_lifecycle.local.kfp_api", description=__doc__)
    parser.add_argument("--state", required=True, help="folder of the state")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args()
    try:
        state = StateFolder.at(options.state)
        known = (read_json(state["cluster.json"]) or {}).get("settings")
        settings = ClusterSettings.from_json(known) if known else ClusterSettings()
        serve(state, settings, options.port, kfp_tokens.key(state) if settings.kfp_tokens else None)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
