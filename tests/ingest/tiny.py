"""Many AOIs of one: hard links to its files under other names, with rows in both tables."""

import os
from pathlib import Path

NAME = "Landcover-8379"


def multiply(src: Path, out: Path, count: int) -> Path:
    """Write a dataset of so many AOIs, each like the one of `src`, to `out`."""
    names = [f"Landcover-{900_000 + number}" for number in range(count)]
    files = [path for path in src.rglob("*") if path.is_file() and path.suffix != ".csv"]
    for name in names:
        for path in files:
            target = out / str(path.relative_to(src)).replace(NAME, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    for table in src.glob("*.csv"):
        head, *rows = table.read_text().splitlines()
        lines = [head, *(row.replace(NAME, name) for name in names for row in rows)]
        (out / table.name).write_text("\n".join(lines) + "\n")
    return out
