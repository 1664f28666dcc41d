"""What tests of head office share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """`--db` of a database that is new: a file that is not there yet, or an empty one of PostgreSQL."""
    return str(request.getfixturevalue("postgres")) if request.param == "postgres" else str(tmp_path / "hq.db")
