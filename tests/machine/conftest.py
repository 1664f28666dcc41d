"""One line for each check, and what it cost, at the end of the run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.machine.store import ROOT, WORK, StorePc

HERE = Path(__file__).parent
LINES: list[str] = []
BEGUN_S = time.monotonic()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = None
    if not os.environ.get("JAEGO_MACHINE"):
        reason = "`make machine` boots the virtual store PC"
    elif not (WORK / "made-of").exists():
        reason = "no virtual store PC: scripts/machine says why"
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.timeout(1800))
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.path.parent != HERE or not (report.when == "call" or report.failed):
        return report
    pc = getattr(item, "funcargs", {}).get("pc")
    if report.failed and isinstance(pc, StorePc):
        report.sections.append(("the agent's journal", pc.journal()))
    told = "; ".join(str(value) for name, value in item.user_properties if name == "told")
    word = "good" if report.passed else report.outcome
    name = item.name.removeprefix("test_").replace("_", " ")
    LINES.append(f"{word:8}{time.monotonic() - item.stash.get(_BEGUN, BEGUN_S):6.1f} s  {name}: {told}")
    return report


_BEGUN = pytest.StashKey[float]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_BEGUN] = time.monotonic()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LINES:
        terminalreporter.section("the virtual store PC")
        for line in LINES:
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"{time.monotonic() - BEGUN_S:.0f} s in all")


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it is published. JAEGO_DEB=FILE names one that is there already."""
    if os.environ.get("JAEGO_DEB"):
        return Path(os.environ["JAEGO_DEB"]).resolve()
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run([str(ROOT / "scripts" / "deb"), sys.prefix, str(folder)], check=True, timeout=800)
    (made,) = folder.glob("*.deb")
    return made


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """What the check's line says."""
    return lambda text: request.node.user_properties.append(("told", text))


@pytest.fixture
def pc(request: pytest.FixtureRequest, deb: Path, tmp_path: Path) -> Iterator[StorePc]:
    """Installed, active, connected; nothing is plugged in. A module that says `ALONE` needs no head office."""
    with StorePc(tmp_path, deb, office=not getattr(request.module, "ALONE", False)) as found:
        yield found
