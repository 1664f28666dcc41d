"""Settings all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import Postgres

# No deadlines: these machines are noisy, and a slow example is not a wrong one.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Nobody kills it, so nothing waits for its disk. Whoever kills one starts one of their own."""
    with Postgres("fsync = off", "full_page_writes = off") as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[str]:
    """The address of a new and empty database."""
    address = postgres_server.database()
    yield address
    postgres_server.drop(address)
