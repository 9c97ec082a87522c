"""Writes a table of made-up orders, some of which are returned: data for the examples.

python examples/orders.py build/orders.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def orders(rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Orders whose return hangs on the price of a single item and on the region."""
    random = np.random.default_rng(seed)
    items = random.integers(1, 9, rows)
    price = np.round(random.lognormal(3.0, 0.6, rows) * items, 2)
    region = random.choice(["north", "south", "west"], rows)
    dear = np.log(price / items) - 3.0 + (region == "south") * 0.5
    return pd.DataFrame(
        {
            "order_id": [f"o{seed}-{number}" for number in range(rows)],
            "ordered_at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="h"),
            "items": items,
            "price": price,
            "region": region,
            "returned": (dear + random.normal(scale=0.3, size=rows) > 0.3).astype(int),
        }
    )


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    orders().to_csv(path, index=False)
    print(path)
