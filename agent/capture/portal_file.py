"""Portal files: PORTAL.toml, recordings of reads (CSV, gzipped or not), and the engine's answers as JSON lines."""

from __future__ import annotations

import csv
import gzip
import json
import tomllib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.capture.portal_values import Finding, Passage, Settings, Uncertain
from agent.errors import ConfigError

COLUMNS = ("t", "epc", "antenna", "rssi_dbm")
FIELD_CHARS_MAX = 256


class PortalFile(BaseModel):
    """`[portal]`: its name, two zones, and the zone of each antenna."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    zones: tuple[str, str]
    antennas: dict[Annotated[int, Field(ge=1, le=255)], str] = Field(min_length=2, max_length=64)
    decide_s: float = Field(4.1, ge=1.0, le=5.0)

    @model_validator(mode="after")
    def _zones_have_antennas(self) -> PortalFile:
        if self.zones[0] == self.zones[1]:
            raise ValueError("the two zones have one name")
        strange = sorted({zone for zone in self.antennas.values() if zone not in self.zones})
        if strange:
            raise ValueError(f"antennas of zones that the portal has not: {', '.join(strange)}")
        if len(set(self.antennas.values())) < 2:
            raise ValueError("each zone needs an antenna")
        return self

    def settings(self) -> Settings:
        return Settings(self.zones, dict(self.antennas), decide_s=self.decide_s)


class RecordedRead(NamedTuple):
    t_s: float
    epc: str
    antenna: int
    rssi_dbm: float


class BadLine(NamedTuple):
    line: int
    reason: str


def load_portal(path: Path) -> PortalFile:
    """Raises ConfigError with every mistake named."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return PortalFile.model_validate(raw.get("portal", {}))
    except ValidationError as error:
        mistakes = [f"{path}: portal.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ConfigError(mistakes) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"{path}: {error}"]) from error


def read_recording(path: Path) -> Iterator[RecordedRead | BadLine]:
    """Reads in the order of the file, one at a time; what is no read is told with its line.

    Raises OSError, and EOFError for a gzip file that ends too soon.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace", newline="") as lines:
        rows = csv.reader(lines)
        head = [name.strip() for name in next(rows, list[str]())]
        missing = [name for name in COLUMNS if name not in head]
        if missing:
            yield BadLine(1, f"columns missing: {', '.join(missing)}")
            return
        places = [head.index(name) for name in COLUMNS]
        try:
            for row in rows:
                if row:
                    yield _parsed(row, places, rows.line_num)
        except csv.Error as error:
            yield BadLine(rows.line_num, str(error))


def _parsed(row: list[str], places: list[int], number: int) -> RecordedRead | BadLine:
    try:
        t_s, epc, antenna, rssi_dbm = (row[place] for place in places)
        read = RecordedRead(float(t_s), epc.strip(), int(antenna), float(rssi_dbm))
    except (ValueError, IndexError):
        return BadLine(number, f"no read: {','.join(row)[:80]!r}")
    if not (abs(read.t_s) < 1e11 and -200 < read.rssi_dbm < 100 and 0 < len(read.epc) <= FIELD_CHARS_MAX):
        return BadLine(number, "a value is out of range")
    return read


def as_line(finding: Finding) -> str:
    """One JSON object, in the format of docs/portal.md."""
    told: dict[str, Any]
    if isinstance(finding, Passage):
        told = {
            "epc": finding.epc,
            "from": finding.origin,
            "to": finding.target,
            "t_cross_s": finding.t_cross_s,
            "confidence": finding.confidence,
            "reads": finding.reads,
            "decided_s": round(finding.decided_s, 3),
            "group": finding.group,
        }
    elif isinstance(finding, Uncertain):
        told = {
            "epc": finding.epc,
            "uncertain": finding.reason,
            "t_s": round(finding.t_s, 3),
            "reads": finding.reads,
        }
    else:
        told = {"antenna": finding.antenna, "finding": finding.finding, "t_s": round(finding.t_s, 3)}
    return json.dumps(told)


def named(bad: Iterable[BadLine], limit: int = 10) -> Iterator[str]:
    """The first few bad lines, for people."""
    return (f"line {one.line}: {one.reason}" for one in islice(bad, limit))
