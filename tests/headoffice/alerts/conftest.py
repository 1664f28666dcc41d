from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.headoffice.alerts.world import World


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    target = request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db")
    found = World(target)
    yield found
    found.close()
