"""The plan of a batch prediction: which rows, by which model, cut where, and under which name they go.

It is made once, before the first row is predicted. So all shards are predicted by one version, whoever becomes
champion meanwhile, and the same plan made again names the same files, which are then found instead of made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.shards import Shard, cut

# To change how rows are predicted or written: raise this number, and earlier parts are not taken for the new ones.
FORMAT = 1
MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class ScoringPlan:
    """What determines every byte of the output.

    Attributes:
        model_name, version: the registered version that predicts.
        model_uri, model_digest: its export, as KServe reads it, and the digest of its directory.
        table_digest, rows: of the input.
        rows_per_shard: where it is cut.
        time_column: the input's column of event time; empty when there is none.
        output_uri: below which the output's folder lies.
    """

    model_name: str
    version: str
    model_uri: str
    model_digest: str
    table_digest: str
    rows: int
    rows_per_shard: int
    time_column: str
    output_uri: str

    @property
    def shards(self) -> tuple[Shard, ...]:
        return cut(self.rows, self.rows_per_shard)

    @property
    def depends_on(self) -> dict[str, str | int]:
        """All that the predicted rows depend on; where model and output lie is no part of it."""
        return {name: value for name, value in asdict(self).items() if name not in ("model_uri", "output_uri")}

    @property
    def content_key(self) -> str:
        """The sha256 of what the predicted rows depend on."""
        return sha256_bytes(canonical_json({"format": FORMAT, **self.depends_on}))

    @property
    def folder(self) -> str:
        """The name of the output's folder."""
        return f"{self.model_name}-v{self.version}-{self.content_key[:16]}"


def part_name(shard: Shard) -> str:
    """The file of a shard; in order of their names the files hold the rows in order."""
    return f"rows-{shard.start:012d}-{shard.end:012d}.parquet"


def save_plan(plan: ScoringPlan, path: str | Path) -> None:
    """Write the plan as JSON."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(canonical_json({"format": FORMAT, **asdict(plan)}))


def load_plan(path: str | Path) -> ScoringPlan:
    """Read what ``save_plan`` wrote.

    Raises:
        InputError: the file is no plan of this version.
    """
    try:
        content = json.loads(Path(path).read_bytes())
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise ValueError(f"format {FORMAT} is missing")
        return ScoringPlan(**{field.name: _typed(content, field.name, field.type) for field in fields(ScoringPlan)})
    except (OSError, ValueError, KeyError) as error:
        raise InputError("plan", str(path), "the plan that shard wrote", f"Pass on its output ({error}).") from error


def _typed(content: Mapping[str, Any], name: str, kind: object) -> Any:
    value = content[name]
    if type(value).__name__ != kind:
        raise ValueError(f"{name} is {value!r}, not {kind}")
    return value
