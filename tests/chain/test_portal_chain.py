"""The whole chain once: physics of a door, LLRP bytes, driver, engine, ledger, broker, head office, each a process.

A cart with 60 items comes in through a dock door beside shelves with tags of their own. Afterwards head office has
movements that happened and no others, each once. What the radio did not read, or too little of, is not guessed at:
the engine's share is measured by `bench/portal_accuracy.py`, not here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from identity.tags import identify_epc
from simulators.portal import record, write
from simulators.portal_scene import Scene, builtin, load
from tests.brokers import Mosquitto, free_port

BIN = Path(sys.executable).parent
SEED = 6
WATCH_S = 32.0  # until the portal knows what stands there
CART = {"tags": 60, "item": "garment", "direction": "A>B", "start_s": [2.0, 2.0], "speed_mps": [1.0, 1.0]}
SHELF = {"tags": 15, "x_m": [2.5, 5.0]}
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom", "salesfloor"]
clock_trusted = true
[catalogue]
file = "items.csv"
[uplink]
port = {broker}
[web]
enabled = false
[[device]]
name = "gate"
[device.settings]
kind = "llrp"
host = "127.0.0.1"
port = {reader}
[[portal]]
name = "dock"
device = "gate"
zones = ["supplier", "backroom"]
[portal.antennas]
"""


class Chain:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.reader_port = free_port()
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            process = subprocess.Popen([str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder)
        self._running.append((command[0], process))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=self.folder,
        )

    def events(self) -> list[dict[str, Any]]:
        done = self.run("jaego", "log", "export", "-", "-c", "agent.toml")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self) -> None:
        for _, process in reversed(self._running):
            process.terminate()
        for name, process in self._running:
            assert process.wait(20) is not None, name
        self.broker.stop()


def scene() -> Scene:
    raw = load(builtin()["single"]).model_dump()
    changed = {"name": "chain", "seconds": 24.0, "quiet_s": WATCH_S, "groups": [CART], "shelves": [SHELF]}
    raw["reader"]["power_dbm"] = 31.5  # so that every tag of the cart is read
    return Scene.model_validate(raw | changed)


def catalogue(epcs: list[str]) -> str:
    gtins = sorted({str(identify_epc(epc).gtin) for epc in epcs})
    rows = [f"SKU-{number},상품 {number},{gtin},1,each" for number, gtin in enumerate(gtins)]
    return "\n".join(["sku,name_ko,gtin,units,level", *rows]) + "\n"


@pytest.mark.broker
@pytest.mark.timeout(180)
def test_a_cart_through_the_door_is_its_movements_at_head_office(tmp_path: Path) -> None:
    plan = scene()
    recording = record(plan, SEED)
    write(recording, tmp_path)
    crossed = {str(line["epc"]) for line in recording.truth if "t_cross_s" in line}
    assert len(crossed) == 60
    zones = {"A": "supplier", "B": "backroom"}
    chain = Chain(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "items.csv").write_text(catalogue([str(line["epc"]) for line in recording.truth]), "utf-8")
    sides = "\n".join(f'{one.port} = "{zones[one.zone]}"' for one in plan.antennas)
    config = CONFIG.format(broker=chain.broker.port, reader=chain.reader_port) + sides
    (tmp_path / "agent.toml").write_text(config, "utf-8")
    chain.broker.start()
    try:
        chain.start("jaego-hq", "run", "--broker", f"127.0.0.1:{chain.broker.port}", "--db", "hq.db")
        chain.start("jaego", "run", "agent.toml")
        scene_file = ("--scene", "reads.csv", "--each")
        chain.start("jaego-sim", "reader", "llrp", "--port", str(chain.reader_port), *scene_file)
        time.sleep(WATCH_S + plan.seconds + 9)
        verify = chain.run("jaego-hq", "verify", "--db", "hq.db", "--broker", f"127.0.0.1:{chain.broker.port}")
        assert verify.returncode == 0, verify.stdout + verify.stderr + (tmp_path / "jaego.log").read_text()
        judge(chain, crossed)
    finally:
        chain.stop()


def judge(chain: Chain, crossed: set[str]) -> None:
    moved: list[str] = []
    for event in chain.events():
        for line in event["data"].get("lines", ()):
            assert (line["from"], line["to"], event["data"]["portal"]) == ("supplier", "backroom", "dock")
            assert line["quantity"] == len(line["epcs"])
            moved += line["epcs"]
    assert len(moved) == len(set(moved)), "a tag moved twice"
    assert set(moved) == crossed
    stock = chain.run("jaego-hq", "stock", "--db", "hq.db", "--json")
    rows = [json.loads(row) for row in stock.stdout.splitlines()]
    assert {row["zone"] for row in rows} == {"backroom"}
    assert sum(row["quantity"] for row in rows) == len(moved)
    sys.stdout.write(f"\n{len(moved)} of {len(crossed)} items moved, none wrong, none twice\n")
