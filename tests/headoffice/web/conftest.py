from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.headoffice.web.office import Office


@pytest.fixture(params=["sqlite", "postgres"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """On both databases: what it shows is asked with one SQL."""
    both = request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db")
    found = Office(both)
    yield found
    found.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Office]:
    """On SQLite alone: for what has nothing to do with the database."""
    found = Office(str(tmp_path / "hq.db"))
    yield found
    found.close()
