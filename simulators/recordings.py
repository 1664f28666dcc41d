"""Streams of tag reads in files: CSV with a header line, or JSON Lines, also compressed (`.gz`).

Columns `t,epc,antenna,rssi_dbm,phase_rad,freq_mhz` (design: portal.md, formats): seconds, hexadecimal, a number from 1,
dBm, radians, MHz; the last two may be empty or absent, more columns are ignored. A portal scene is the same.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from simulators.tags import Row

LINE_CHARS_MAX = 10_000


def rows(path: Path) -> Iterator[Row]:
    """Raises OSError, and ValueError naming file and line for a row that is none."""
    with _opened(path) as file:
        json_lines = path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))
        for number, cells in _objects(file) if json_lines else _cells(file, path):
            try:
                yield _row(cells)
            except (KeyError, ValueError, TypeError) as error:
                raise ValueError(f"{path}:{number}: no read: {error!r}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _cells(file: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(file)
    missing = {"t", "epc", "antenna", "rssi_dbm"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
    for cells in reader:
        yield reader.line_num, cells


def _objects(file: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(file, start=1):
        if len(line) > LINE_CHARS_MAX:
            raise ValueError(f"line {number} has {len(line)} characters, at most {LINE_CHARS_MAX}")
        if line.strip():
            yield number, cast("Mapping[str, Any]", json.loads(line))


def _row(cells: Mapping[str, Any]) -> Row:
    return Row(
        float(cells["t"]),
        bytes.fromhex(cells["epc"]),
        int(cells["antenna"]),
        float(cells["rssi_dbm"]),
        _optional(cells.get("phase_rad")),
        _optional(cells.get("freq_mhz")),
    )


def _optional(cell: Any) -> float | None:
    return None if cell is None or cell == "" else float(cell)
