"""Whether head office has what the load program's logs say: every store's chain and stock, row by row.

python -m bench.headoffice_equal DATABASE FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from headoffice.storages import open_storage
from headoffice.verify import compare_export
from simulators.load_log import SUFFIX


def main() -> None:
    held = open_storage(sys.argv[1], read_only=True)
    paths = sorted(Path(sys.argv[2]).glob(f"*{SUFFIX}"))
    different: list[str] = []
    for path in paths:
        with path.open("rb") as lines:
            verdict = compare_export(held, path.name.removesuffix(SUFFIX), lines)
        if not verdict.equal:
            different.append(f"{verdict.store}: {verdict.reason}")
    held.close()
    print(f"{len(paths)} stores compared with their logs, {len(different)} differ", *different[:10], sep="\n  ")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
