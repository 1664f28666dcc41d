"""The official schema, and the score of what was held against it, printed at the end of a run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

from contract.epcis_rules import faults

SCHEMA = Path(__file__).resolve().parents[1] / "fixtures" / "gs1" / "epcis" / "EPCIS-JSON-Schema.json"
EVENTS: Counter[str] = Counter()
"""EPCIS events that were valid, by what our event was."""
INVALID: list[str] = []
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]+\Z")


@cache
def validator() -> Draft7Validator:
    """With formats checked: a member that EPCIS does not know is one only if its name is no URI."""
    formats = FormatChecker(formats=())
    formats.checks("uri")(lambda value: not isinstance(value, str) or _URI.match(value) is not None)
    formats.checks("date-time", ValueError)(
        lambda value: not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    )
    return Draft7Validator(json.loads(SCHEMA.read_text("utf-8")), format_checker=formats)


def check(document: Mapping[str, Any]) -> None:
    """Valid against the official schema and our rules, as it is written; counted."""
    read = json.loads(json.dumps(document))
    wrong = [error.message for error in validator().iter_errors(read)] or faults(read)
    kinds = [one["jaego:kind"] for one in read["epcisBody"]["eventList"]]
    if wrong:
        INVALID.extend(kinds)
    assert not wrong, wrong
    EVENTS.update(kinds)


def lines() -> list[str]:
    total = EVENTS.total() + len(INVALID)
    share = 100 * EVENTS.total() / total
    words = ", ".join(f"{kind} {number}" for kind, number in sorted(EVENTS.items()))
    return [f"EPCIS events {total}: {share:.2f} % valid against GS1's schema and our rules", f"    {words}"]
