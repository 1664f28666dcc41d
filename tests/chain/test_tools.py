"""The tools against a running agent with a simulated reader, as a person uses them: what they print, how they exit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.control import encode as order
from tests.brokers import free_port

BIN = Path(sys.executable).parent
GTIN = "8801234567893"
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom"]
language = "en"
clock_trusted = true
[uplink]
enabled = false
[web]
enabled = false
[tags]
serial_first = 500
serial_last = 599
[[station]]
name = "desk"
zone = "backroom"
[[device]]
name = "gate"
station = "desk"
[device.settings]
kind = "llrp"
host = "127.0.0.1"
port = {port}
silence_s = 1
[[device]]
name = "away"
[device.settings]
kind = "llrp"
host = "127.0.0.1"
port = {nobody}
"""


class Desk:
    def __init__(self, folder: Path, *reader: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        (folder / "store").mkdir()
        (folder / "agent.toml").write_text(CONFIG.format(port=self.port, nobody=free_port()))
        self.start("jaego-sim", "reader", "llrp", "--port", str(self.port), *reader)
        self.start("jaego", "run", "agent.toml")

    def start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen([str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder)
        self._running.append(process)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "jaego"), *command, "-c", "agent.toml"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
        )

    def told(self, *command: str) -> list[dict[str, object]]:
        done = self.run(*command, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def up(self) -> None:
        for _ in range(100):
            done = self.run("device", "show", "gate", "--json")
            if done.returncode == 0 and json.loads(done.stdout)["state"] == "up":
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "jaego.log").read_text())

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            process.wait(20)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, "--tags", "1", "--rate", "50")
    try:
        made.up()
        yield made
    finally:
        made.stop()


def test_devices_are_listed_shown_and_opened_anew(desk: Desk) -> None:
    states = {one["device"]: (one["kind"], one["state"]) for one in desk.told("device", "list")}
    assert states == {"gate": ("llrp", "up"), "away": ("llrp", "down")}
    text = desk.run("device", "show", "gate").stdout
    assert "Impinj" in text
    assert "antennas" in text
    assert "hint" in desk.run("device", "list").stdout
    assert desk.run("device", "restart", "gate").returncode == 0
    desk.up()
    [shown] = desk.told("device", "show", "gate")
    assert shown["opened"] == 2
    unknown = desk.run("device", "show", "nobody")
    assert (unknown.returncode, "nobody" in unknown.stderr, "hint" in unknown.stderr) == (1, True, True)


def test_a_label_is_read_written_and_read_again(desk: Desk) -> None:
    [before] = desk.told("tag", "read", "--device", "gate")
    again = desk.run("tag", "write", "--device", "gate", "--gtin", GTIN)
    assert (again.returncode, "--replace" in again.stderr) == (1, True)
    [written] = desk.told("tag", "write", "--device", "gate", "--gtin", GTIN, "--replace")
    assert (written["serial"], written["replaces"]) == (500, before["epc"])
    [after] = desk.told("tag", "read", "--device", "gate", "--bank", "epc", "--offset", "1", "--words", "7")
    assert after["data"] == f"3000{written['epc']}"
    [tid] = desk.told("tag", "read", "--device", "gate")
    assert tid["data"] == before["data"] == written["tid"]
    kinds = [one["data"]["kind"] for one in desk.told("log", "show")]  # type: ignore[index]
    assert kinds == ["opening", "tag_encoding", "tag_written"]
    assert desk.run("tag", "write", "--device", "gate", "--gtin", "8801234567890").returncode == 1
    assert "it is not connected" not in desk.run("tag", "read", "--device", "away").stdout
    assert desk.run("tag", "read", "--device", "away").returncode == 1


def test_a_count_is_begun_by_a_scan_without_a_scanner(desk: Desk) -> None:
    done = desk.run("scan", "desk", order("MODE-COUNT"))
    assert (done.returncode, done.stdout) == (0, "good: Counting backroom\n")
    for _ in range(50):
        seen = [one for one in desk.told("log", "show") if one["data"]["kind"] == "tags_seen"]  # type: ignore[index]
        if seen:
            break
        time.sleep(0.1)
    [event] = seen
    assert len(event["data"]["epcs"]) == 1  # type: ignore[index]
    assert desk.run("scan", "desk", "no code").returncode == 1
    assert desk.run("scan", "nowhere", "x").returncode == 1


def test_a_recording_holds_what_the_reader_sent_and_decodes(desk: Desk) -> None:
    assert desk.run("record", "gate", "gate.jsonl", "--seconds", "2").returncode == 0
    head, *pieces = [json.loads(line) for line in (desk.folder / "gate.jsonl").read_text().splitlines()]
    assert (head["device"], head["kind"]) == ("gate", "llrp")
    raw = bytes.fromhex("".join(one["hex"] for one in pieces if one.get("dir") == "in"))
    (desk.folder / "gate.bin").write_bytes(raw)
    decoded = subprocess.run(
        [str(BIN / "jaego"), "decode", "llrp", "gate.bin"], capture_output=True, text=True, check=True, cwd=desk.folder
    )
    messages = [json.loads(line) for line in decoded.stdout.splitlines()]
    assert messages
    assert not [one for one in messages if "malformed" in one]
    assert {tag["epc"] for one in messages for tag in one.get("tags", ())} == {
        str(one["epc"]).lower() for one in desk.told("tag", "read", "--device", "gate")
    }


def test_without_an_agent_the_tools_say_how_to_start_it(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "agent.toml").write_text(CONFIG.format(port=1, nobody=2))
    done = subprocess.run(
        [str(BIN / "jaego"), "device", "list", "-c", "agent.toml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, "start it" in done.stderr) == (1, True)
