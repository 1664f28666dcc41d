"""`python -m tests.demo_door`: writes config/demo-door.csv, what the demo's reader at the dock door sees.

A cart with 20 items of the demo's catalogue comes in beside ten tags on a shelf, by the portal simulator's physics.
"""

from __future__ import annotations

from pathlib import Path

from identity.epc import encode
from simulators.portal import record
from simulators.portal_scene import Scene, builtin, load

FILE = Path(__file__).parent.parent / "config" / "demo-door.csv"
SEED = 7
CART = {"tags": 20, "item": "garment", "direction": "A>B", "start_s": [8.0, 8.0], "speed_mps": [1.0, 1.0]}
SHELF = {"tags": 10, "x_m": [2.5, 5.0]}
COLA, NOODLES, EGGS = "08809999000235", "08809999000099", "08809999000068"


def scene() -> Scene:
    raw = load(builtin()["single"]).model_dump()
    changed = {"name": "demo", "seconds": 24.0, "quiet_s": 6.0, "groups": [CART], "shelves": [SHELF]}
    return Scene.model_validate(raw | changed)


def label(gtin: str, serial: int) -> str:
    elements = {"01": gtin, "21": str(serial)}
    return encode("sgtin-96", elements, company_prefix_digits=7, filter_value=1).hex().upper()


def rows() -> list[str]:
    recording = record(scene(), SEED)
    moved = [str(line["epc"]) for line in recording.truth if "t_cross_s" in line]
    labels = {epc: label(COLA if at < 12 else NOODLES, 9_000_000 + at) for at, epc in enumerate(moved)}
    for epc in (str(line["epc"]) for line in recording.truth):
        labels.setdefault(epc, label(EGGS, 9_000_000 + len(labels)))
    return [
        f"{one.t_s:.3f},{labels[one.epc]},{one.antenna},{one.rssi_dbm},{one.phase_rad:.3f},{one.freq_mhz}"
        for one in recording.reads
    ]


if __name__ == "__main__":
    text = "\n".join(["t,epc,antenna,rssi_dbm,phase_rad,freq_mhz", *rows()]) + "\n"
    FILE.write_text(text, "utf-8")
