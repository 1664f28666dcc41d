"""Scenarios against real drivers under a real supervisor, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agent.capture.supervisor import Device, Outage, State, Supervisor
from drivers.driver import Driver
from drivers.reads import Answer, Arrival, BadRead, BarcodeRead, Read
from drivers.registry import AnySettings, factory, watched
from simulators.clock import Pacer
from simulators.scanner import ScanResult, Trouble
from simulators.scenario import Scenario, Tally, Witness, line_of, play

SETTINGS = [
    ("line", {"kind": "serial_line", "end": "cr", "settle_ms": 0, "host_ack": "honeywell", "aim": True}),
    ("zebra", {"kind": "ssi", "aim": True}),
    ("keys", {"kind": "hid", "transport": "pipe", "settle_ms": 0, "aim": True}),
]
GTIN = "08801234567893"
CLERK = {"generator": "serial_gtin", "gtins": [GTIN], "rate_per_s": 50, "scans_max": 12}


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate(
        {
            "seconds": 20,
            "scanners": [
                {
                    "kind": "serial_line",
                    "name": "line",
                    "path": "line",
                    "host_ack": True,
                    "host_ack_timeout_s": 2,
                    "clerk": CLERK,
                },
                {"kind": "ssi", "name": "zebra", "path": "zebra", "ack_timeout_s": 1, "clerk": CLERK},
                {"kind": "hid", "name": "keys", "path": "keys", "chars_per_s": 0, "clerk": CLERK},
            ],
            **changes,
        }
    )


def clock() -> Arrival:
    return Arrival(time.time_ns() // 1000, time.monotonic_ns())


class Store:
    """A supervisor that answers every read at once."""

    def __init__(self, folder: Path) -> None:
        self.reads: list[Read] = []
        self.outages: list[Outage] = []
        devices = []
        for name, plain in SETTINGS:
            settings: AnySettings = TypeAdapter(AnySettings).validate_python({**plain, "path": str(folder / name)})
            devices.append(Device(name, factory(name, settings, clock), watched(settings)))
        self.supervisor = Supervisor(
            devices, handler=self.handle, clock=clock, chance=lambda: 0.0, on_outage=self.outages.append
        )

    def handle(self, read: Read, driver: Driver) -> None:
        self.reads.append(read)
        if isinstance(read, BarcodeRead | BadRead):
            driver.answer(read.id, Answer.GOOD if isinstance(read, BarcodeRead) else Answer.STOP)

    def codes(self, device: str) -> list[str]:
        reads = [read for read in self.reads if isinstance(read, BarcodeRead) and read.device == device]
        return [f"{read.aim or ''}{read.data.decode('latin-1')}" for read in reads]

    def run(self, plan: Scenario, folder: Path, witness: Path) -> dict[str, Tally]:
        async def body() -> dict[str, Tally]:
            running = asyncio.create_task(self.supervisor.run())
            with Witness(witness) as seen:
                tallies = await asyncio.to_thread(play, plan, folder, Pacer(), seen, lambda _: None)
            self.supervisor.stop()
            await running
            return tallies

        return asyncio.run(body())


def seen(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def delayed(plan: Scenario) -> Scenario:
    """Nobody scans before the agent has opened the devices: what is typed into nothing is lost."""
    raw = plan.model_dump()
    for one in raw["scanners"]:
        one["clerk"]["start_after_s"] = 0.5
    return Scenario.model_validate(raw)


def test_every_scan_of_three_scanners_is_read_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tallies = store.run(delayed(scenario()), tmp_path, tmp_path / "witness")
    for name, _ in SETTINGS:
        codes = store.codes(name)
        assert len(codes) == len(set(codes)) == 12
        assert all(code.startswith(f"]d201{GTIN}21{name}1") for code in codes)
    witnessed = seen(tmp_path / "witness")
    assert len(witnessed) == 24
    assert {line["answer"] for line in witnessed} == {"good"}
    assert {line["code"] for line in witnessed} == {*store.codes("line"), *store.codes("zebra")}
    assert [tallies[name].acknowledged for name, _ in SETTINGS] == [12, 12, 0]
    assert tallies["keys"].scans == 12


def test_under_every_fault_nothing_acknowledged_is_missing_and_nothing_is_doubled(tmp_path: Path) -> None:
    plain = delayed(scenario(seed=7)).model_dump()
    for one in plain["scanners"]:
        own = {"ssi": ["checksum", "retransmit"], "hid": ["dropped"]}.get(one["kind"], [])
        one["faults"] = dict.fromkeys(["split", "garbage", "over_long", "unplug", *own], 0.12)
        one["clerk"]["scans_max"] = 18
        one["unplugged_s"] = 0.1
    store = Store(tmp_path)
    tallies = store.run(Scenario.model_validate({**plain, "seconds": 60}), tmp_path, tmp_path / "witness")
    assert sum(sum(tally.troubles.values()) for tally in tallies.values()) > 12
    for name, _ in SETTINGS:
        unresent = [read for read in store.reads if isinstance(read, BarcodeRead) and read.device == name]
        codes = [read.data for read in unresent if not read.resent and read.data.startswith(b"01")]
        assert len(codes) == len(set(codes))
    acknowledged = {str(line["code"]) for line in seen(tmp_path / "witness")}
    assert acknowledged <= {*store.codes("line"), *store.codes("zebra")}
    assert len(acknowledged) > 12
    assert any(isinstance(read, BadRead) for read in store.reads)
    begun = [one for one in store.outages if one.began]
    assert len(begun) >= sum(tally.troubles[Trouble.UNPLUG] for tally in tallies.values()) / 2
    assert all(status.state is State.DOWN for status in store.supervisor.statuses())


def test_one_seed_is_one_sequence() -> None:
    def codes(seed: int) -> list[str]:
        from simulators.clock import chance  # noqa: PLC0415 - beside its use
        from simulators.scenario import ClerkRun  # noqa: PLC0415 - same

        plain = {**CLERK, "unknown_share": 0.5, "unknown_codes": ["A", "B"]}
        one = {"kind": "hid", "name": "keys", "path": "k", "faults": {"garbage": 0.5}, "clerk": plain}
        plan = Scenario.model_validate({"seed": seed, "scanners": [one]})
        told: list[str] = []
        silent = plan.scanners[0].make(Path("k"), Pacer())
        silent.scan = lambda data, trouble=None: ScanResult(None, None, 1, None)  # type: ignore[method-assign]
        silent.serve = lambda seconds: None  # type: ignore[method-assign]
        ClerkRun(plan.scanners[0], silent, chance(f"{seed} keys"), Pacer(), None, told.append, seed).run()
        return told

    assert codes(3) == codes(3)
    assert codes(3) != codes(4)


def test_lines_for_people() -> None:
    assert line_of("dock", b"01\x1d2", ScanResult(True, "stop", 2, 1500), Trouble.CHECKSUM).split() == (
        ["dock", "01<GS>2", "stop", "1.5", "ms", "after", "2", "tries", "(checksum)"]
    )
    assert "NO ANSWER" in line_of("dock", b"1", ScanResult(False, None, 1, None), None)
    assert "typed" in line_of("dock", b"1", ScanResult(None, None, 1, None), None)


SCENARIO = """
name = "two scanners"
seconds = 30

[[scanners]]
kind = "ssi"
name = "dock"
path = "dock"
ack_timeout_s = 0.2
resends_max = 0
[scanners.clerk]
first = ["STK-MODE-RECEIVE-X"]
codes = ["8801234567893"]

[[scanners]]
kind = "hid"
name = "till"
path = "till"
[scanners.clerk]
codes = ["8801234567893", "0108801234567893\\u001d10A"]
rate_per_s = 20
"""


def cli(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulators.cli", "run", *arguments]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        cwd=folder,
    )


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_cleanly_on_a_signal_with_a_summary(tmp_path: Path, sign: signal.Signals) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO)
    with cli(tmp_path, "s.toml", "--witness", "seen") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert any("STK-MODE" in line or "till" in line for line in lines)
        process.send_signal(sign)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert "two scanners: seed 1" in out
    assert "0 acknowledged" in out
    assert not (tmp_path / "dock").exists()
    assert not (tmp_path / "till").exists()
    assert (tmp_path / "seen").read_text() == ""


def test_the_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO)
    with cli(tmp_path, "s.toml", "--seconds", "0.3", "--seed", "9", "--quiet") as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert out.startswith("two scanners: seed 9\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seconds = 'x'\nscanners = []", ["seconds", "scanners", "found 'x'"]),
        ("[[scanners]]\nkind = 'lidar'", ["lidar"]),
        ("= 1", ["s.toml"]),
        (SCENARIO.replace('"till"', '"dock"'), ["two scanners have the same name"]),
        (SCENARIO.replace("rate_per_s", "rate"), ["scanners.1.hid.clerk.rate", "Extra inputs"]),
        (SCENARIO.replace('codes = ["8801234567893"]', ""), ["either codes or generator"]),
    ],
)
def test_every_mistake_in_a_scenario_is_named_and_exits_78(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "s.toml").write_text(text)
    with cli(tmp_path, "s.toml") as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (78, "")
    for word in words:
        assert word in errors
