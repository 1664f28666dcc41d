"""`jaego-sim reader thingmagic` and `jaego-sim reader r200`: serial modules on a pty, for hands and for demos."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from drivers.r200.frames import Framing
from simulators import recordings
from simulators.clock import Pacer, monotonic_us
from simulators.module import Machine, ModuleDevice, ModuleFault, World
from simulators.module_r200 import R200Module
from simulators.module_thingmagic import ThingmagicModule, ThingmagicSetup
from simulators.tags import RateSource, RowSource, Source, Tag, sgtin_tags

Link = Annotated[Path, typer.Option("--path", help="Where the pty's link is put; the driver's path.")]
Tags = Annotated[int, typer.Option(min=0, max=100_000, help="How many different tags.")]
Rate = Annotated[float, typer.Option(min=0.01, max=1_000, help="Reads a second.")]
Seed = Annotated[int, typer.Option(help="Makes tags and signal strengths.")]
Recording = Annotated[Path | None, typer.Option(help="Instead of made tags: a recorded stream or scene (CSV, JSONL).")]
Faults = Annotated[
    list[ModuleFault] | None, typer.Option("--fault", help="One after the other, with --fault-every between; again.")
]
FaultEvery = Annotated[float, typer.Option(min=0.1, help="Seconds between faults.")]
Seconds = Annotated[float | None, typer.Option(help="End by itself after so long; else at Ctrl-C or SIGTERM.")]


def register(app: typer.Typer) -> None:
    app.command()(thingmagic)
    app.command()(r200)


def thingmagic(
    path: Link,
    tags: Tags = 50,
    rate: Rate = 50,
    seed: Seed = 1,
    antennas: Annotated[str, typer.Option(help="Ports with an antenna, such as 1,2.")] = "1",
    recording: Recording = None,
    fault: Faults = None,
    fault_every: FaultEvery = 10,
    seconds: Seconds = None,
) -> None:
    """A ThingMagic M6e."""
    ports = [int(port) for port in antennas.split(",")]
    world = _world(tags, rate, seed, recording, ports)
    _run(path, ThingmagicModule(world, ThingmagicSetup(antennas=set(ports))), world, fault or [], fault_every, seconds)


def r200(
    path: Link,
    tags: Tags = 50,
    rate: Rate = 50,
    seed: Seed = 1,
    framing: Annotated[Framing, typer.Option(help="aa_dd: R200 chip; bb_7e: M100 chip.")] = Framing.AA_DD,
    recording: Recording = None,
    fault: Faults = None,
    fault_every: FaultEvery = 10,
    seconds: Seconds = None,
) -> None:
    """An R200 or M100 module, such as the YRM100."""
    world = _world(tags, rate, seed, recording, [1])
    _run(path, R200Module(world, framing), world, fault or [], fault_every, seconds)


def _world(count: int, rate: float, seed: int, recording: Path | None, ports: Sequence[int]) -> World:
    source: Source
    if recording is None:
        tags: list[Tag] = sgtin_tags(count, seed)
        source = RateSource(tags, rate, seed=seed, antennas=ports)
        return World(source, tags)
    rows = RowSource(recordings.rows(recording))
    return World(rows, rows.tags)


def _run(
    path: Path,
    machine: Machine,
    world: World,
    faults: Sequence[ModuleFault],
    fault_every_s: float,
    seconds: float | None,
) -> None:
    pacer = Pacer()

    def stop(_number: int, _frame: FrameType | None) -> None:
        pacer.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    device = ModuleDevice(path, machine)
    device.plug()
    typer.echo(f"module at {path}")
    end_us = None if seconds is None else monotonic_us() + int(seconds * 1e6)
    turn = 0
    while end_us is None or monotonic_us() < end_us:
        left_s = fault_every_s if end_us is None else min(fault_every_s, (end_us - monotonic_us()) / 1e6)
        if not pacer.wait(left_s):
            break
        if faults:
            device.fault(faults[turn % len(faults)])
            turn += 1
    device.unplug()
    typer.echo(f"{world.reported} reads reported")
