"""Clients and an emulator of other houses meet our simulator and our driver, each in its own process.

`make peers` makes their environment (JAEGO_PEERS names another) and runs this for 5 minutes a meeting; by default a
meeting takes 4 s (JAEGO_PEERS_S). What sllurp and llrpkit do wrong or right is theirs; ours is that they are served.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.llrp.driver import build
from drivers.llrp.settings import LlrpSettings
from drivers.reads import BadRead, TagRead
from simulators.tags import sgtin_tags
from tests.drivers.device_tools import clock, until

HERE = Path(__file__).parent
PYTHON = Path(os.environ.get("JAEGO_PEERS", HERE.parent.parent / ".venv-peers")) / "bin" / "python"
SECONDS = float(os.environ.get("JAEGO_PEERS_S", "4"))
RATE = 500
TAGS = 60

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="no environment of the peers: make peers"),
    pytest.mark.timeout(SECONDS + 60),
    pytest.mark.slow,
]


@contextmanager
def simulator(truth: Path, *options: str) -> Iterator[int]:
    """A reader's port. It has ended, and told its truth, when this is left."""
    command = [sys.executable, "-m", "simulators.cli", "reader", "llrp", "--port", "0", "--truth", str(truth)]
    command += ["--tags", str(TAGS), "--rate", str(RATE), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent.parent) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def told(truth: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in truth.read_text().splitlines():
        epc, _antenna, count, _seen_us = line.split()
        found[epc] += int(count)
    return found


def peer(script: str, *arguments: object) -> dict[str, Any]:
    command = [str(PYTHON), str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 40, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("options", [(), ("impinj",)], ids=["standard", "extensions"])
def test_sllurp_inventories_our_reader(tmp_path: Path, options: tuple[str, ...]) -> None:
    with simulator(tmp_path / "truth") as port:
        found = peer("sllurp_client.py", port, SECONDS, *options)
    assert not found["wrong"]
    assert found["seen"].keys() == {tag.epc.hex() for tag in sgtin_tags(TAGS)}
    assert Counter(found["seen"]) == told(tmp_path / "truth")
    assert ("ImpinjRFPhaseAngle" in found["fields"]) is bool(options)


@pytest.mark.parametrize("profile", ["r420", "fx9600"])
def test_llrpkit_inventories_our_reader(tmp_path: Path, profile: str) -> None:
    with simulator(tmp_path / "truth", "--profile", profile) as port:
        found = peer("llrpkit_client.py", port, SECONDS)
    assert found["impinj"] is (profile == "r420")
    assert found["antennas"] == 4
    assert found["seen"].keys() == {tag.epc.hex() for tag in sgtin_tags(TAGS)}
    # Its inventory ends by its own clock; what was under way then is thrown away by it.
    assert 0 <= told(tmp_path / "truth").total() - sum(found["seen"].values()) <= RATE // 2


def test_llrpkit_reads_and_writes_our_tags(tmp_path: Path) -> None:
    old = sgtin_tags(TAGS)[5].epc.hex()
    new = old[:-4] + "beef"
    with simulator(tmp_path / "truth") as port:
        found = peer("llrpkit_client.py", port, 2, old, new)
    assert "status='Success'" in found["read"]
    assert "status='Success'" in found["write"]
    assert new in found["seen"]
    assert old not in found["seen"]


def test_llrpkits_reader_serves_our_driver() -> None:
    """Every tag that its emulator wrote is a read of ours."""
    command = [str(PYTHON), str(HERE / "llrpkit_emulator.py"), str(RATE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = LlrpSettings(host="127.0.0.1", port=int(process.stdout.readline()))
        got, sent, bad = asyncio.run(reads_of(settings, process))
        process.communicate(timeout=10)
    assert not bad
    assert got.total() > SECONDS * RATE / 3
    assert got == sent


async def reads_of(
    settings: LlrpSettings, emulator: subprocess.Popen[str]
) -> tuple[Counter[str], Counter[str], list[BadRead]]:
    """For so many seconds; then the emulator is asked to stop, and what is under way is read too."""
    got: Counter[str] = Counter()
    bad: list[BadRead] = []

    async def read(driver: Any) -> None:
        async for one in driver:
            if isinstance(one, TagRead):
                got[one.epc.hex()] += one.seen_count
            elif isinstance(one, BadRead):
                bad.append(one)

    driver = build("peer", settings, clock)
    async with driver:
        reading = asyncio.create_task(read(driver))
        await asyncio.wait({reading}, timeout=SECONDS)
        assert not reading.done()
        assert emulator.stdin is not None
        assert emulator.stdout is not None
        emulator.stdin.write("stop\n")
        emulator.stdin.flush()
        sent: Counter[str] = Counter(json.loads(await asyncio.to_thread(emulator.stdout.readline)))
        await asyncio.wait_for(until(lambda: got.total() >= sent.total()), 10)
        driver.close()
        await reading
    return got, sent, bad
