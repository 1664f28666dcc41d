"""`jaego-sim reader thingmagic|r200`: a process that serves a module on a pty, and ends when told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from drivers.errors import DeviceUnavailable
from drivers.reads import BadRead, Read, TagRead
from drivers.registry import AnySettings, factory
from tests.drivers.device_tools import clock, run

SCENE = "t,epc,antenna,rssi_dbm\n0,3034257bf7194e4000000001,1,-50\n0.1,3034257bf7194e4000000002,1,-60\n"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    held: list[subprocess.Popen[str]] = []
    yield held
    for process in held:
        process.kill()
        process.wait()


def start(held: list[subprocess.Popen[str]], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulators.cli", "reader", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    held.append(process)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("module at ")
    return process


@pytest.mark.parametrize("kind", ["thingmagic", "r200"])
def test_made_tags_are_read_with_faults_on_the_line_until_sigterm(
    kind: str, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    path = str(tmp_path / "module")
    faults = ("--fault", "garbage", "--fault", "checksum", "--fault-every", "0.2")
    process = start(started, kind, "--path", path, "--tags", "20", "--rate", "200", *faults)
    settings: AnySettings = TypeAdapter(AnySettings).validate_python({"kind": kind, "path": path, "region": "kr"})

    async def work() -> list[Read]:
        found: list[Read] = []
        async with factory("gate", settings, clock)() as driver:
            with pytest.raises(DeviceUnavailable):  # noqa: PT012 - how many came before is what counts
                async for read in driver:
                    found.append(read)
                    if len(found) == 200:
                        process.send_signal(signal.SIGTERM)
        return found

    found = run(work())
    assert len({read.epc for read in found if isinstance(read, TagRead)}) == 20
    assert 1 <= len([read for read in found if isinstance(read, BadRead)]) <= 3
    rest, _ = process.communicate(timeout=10)
    assert "reads reported" in rest
    assert process.returncode == 0


def test_a_scene_is_played_and_the_end_comes_by_itself(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    scene = tmp_path / "scene.csv"
    scene.write_text(SCENE, "utf-8")
    path = str(tmp_path / "module")
    process = start(started, "r200", "--path", path, "--recording", str(scene), "--seconds", "1", "--framing", "bb_7e")
    rest, _ = process.communicate(timeout=20)
    assert rest == "0 reads reported\n"  # nobody asked it to poll
    assert process.returncode == 0
