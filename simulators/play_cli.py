"""`jaego-sim play`: a recorded device again, on a pty or on a port."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from simulators.clock import Pacer, monotonic_us, wall_us
from simulators.ptys import PtyPort
from simulators.reader_llrp_cli import mistakes, serve
from simulators.reader_server import ReaderServer
from simulators.recorded import PlayedReader, Recording, load

LATE_S_MAX = 60.0


def register(app: typer.Typer) -> None:
    app.command()(play)


def play(
    file: Annotated[Path, typer.Argument(help="What `jaego record` wrote.")],
    path: Annotated[Path | None, typer.Option(help="A serial device: the link to the pty.")] = None,
    listen: Annotated[
        str, typer.Option(help="An LLRP reader: host and port; port 0 takes a free one.")
    ] = "127.0.0.1:5084",
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="How fast.")] = 1.0,
    wait_s: Annotated[float, typer.Option(min=0, help="A serial device: so long before the first byte.")] = 1.0,
) -> None:
    """Play a recording: a serial device's bytes at their times, or an LLRP reader's reports and events.

    The pty ends with the recording; the reader stays until SIGTERM or SIGINT.
    """
    with mistakes("play"):
        recording = load(file)
        server = _server(recording, listen, speed) if recording.llrp else None
        link = None if recording.llrp else _given(path, recording.kind)
    if server is not None:
        asyncio.run(serve(server))
    elif link is not None:
        print(f"{_write(recording, link, speed, wait_s)} bytes played", flush=True)


def _server(recording: Recording, listen: str, speed: float) -> ReaderServer:
    host, _, port = listen.rpartition(":")
    reader = PlayedReader(recording, speed=speed, now_us=monotonic_us(), wall_us=wall_us())
    return ReaderServer(reader, host, int(port))


def _given(path: Path | None, kind: str) -> Path:
    if path is None:
        raise ValueError(f"a device of the kind {kind} is played on a pty: --path")
    return path


def _write(recording: Recording, path: Path, speed: float, wait_s: float) -> int:
    """The bytes that the line took, at their times."""
    pacer, port, count = Pacer(), PtyPort(path), 0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: pacer.stop())
    port.plug()
    print(path, flush=True)
    try:
        start_us = monotonic_us() + int(wait_s * 1e6)
        first_us = recording.portions[0].t_us if recording.portions else 0
        for portion in recording.portions:
            due_us = start_us + int((portion.t_us - first_us) / speed)
            if not pacer.wait((due_us - monotonic_us()) / 1e6):
                break
            count += len(portion.data) if port.write(portion.data) else 0
        pacer.wait(min(wait_s, LATE_S_MAX))  # the host reads what is in the line
    finally:
        port.unplug()
    return count
