"""Settings all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import totals
from tests.postgres import Postgres

# No deadlines: these machines are noisy, and a slow example is not a wrong one.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_OF_WORKERS: list[tuple[str, dict[str, list[str]]]] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["totals"] = totals.of_this_process()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _OF_WORKERS.append((node.gateway.id, getattr(node, "workeroutput", {}).get("totals", {})))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for worker, found in [("", totals.of_this_process()), *sorted(_OF_WORKERS)]:
        for title, lines in found.items():
            terminalreporter.write_sep("-", f"{title} {worker}".rstrip())
            for line in lines:
                terminalreporter.write_line(line)


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
