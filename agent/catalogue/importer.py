"""A catalogue from a file: CSV, JSON or JSON Lines, in bounded memory, with a report of every refused row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from agent.catalogue.csv_rows import read_csv
from agent.catalogue.errors import CatalogueFileError
from agent.catalogue.json_rows import Cut, read_json, read_jsonl
from agent.catalogue.lines import check_encoding, read_lines
from agent.catalogue.load import Entry, Refused
from agent.catalogue.report import Refusal, Report
from agent.catalogue.store import Catalogue

Format = Literal["csv", "json", "jsonl"]
_FORMATS: dict[str, Format] = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import has come, after each transaction."""

    done_bytes: int
    size_bytes: int
    items: int
    refused: int


def import_file(
    catalogue: Catalogue,
    path: Path,
    *,
    format: Format | None = None,  # noqa: A002 - the word that people know
    progress: Callable[[Progress], None] | None = None,
    on_refusal: Callable[[Refusal], None] | None = None,
) -> Report:
    """Take a file's items in. SKUs that the file does not name stay as they are.

    The form follows from the name (.csv, .tsv, .json, .jsonl, .ndjson) unless given. `on_refusal` gets every
    refusal, the report keeps the first 1,000. Raises `CatalogueFileError` if nothing of the file can be read, and
    `CatalogueCorrupt` or `CatalogueUnavailable`; what was taken in before stays, and the same file can be tried again.
    """
    form = format or _FORMATS.get(path.suffix.lower())
    if form is None:
        raise CatalogueFileError(f"{path.name} is no known form", hint=f"the name ends in one of {', '.join(_FORMATS)}")
    report = Report(on_refusal=on_refusal)
    try:
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            check_encoding(file)

            def after_batch() -> None:
                if progress is not None:
                    progress(Progress(file.tell(), size_bytes, report.read, report.refused))

            catalogue.load(_entries(file, form, report), report, once=True, after_batch=after_batch)
    except OSError as error:
        raise CatalogueFileError(f"{path}: {error.strerror}", hint="check the path and its permissions") from error
    return report


def _entries(file: BinaryIO, form: Format, report: Report) -> Iterator[Entry | Refused]:
    if form == "csv":
        yield from read_csv(read_lines(file))
    elif form == "jsonl":
        yield from read_jsonl(read_lines(file))
    else:
        try:
            yield from read_json(file)
        except Cut as cut:
            report.complete = False
            yield Refused((cut.refusal,))
