"""`jaego-sim epcis`: an EPCIS capture interface with faults."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer


def epcis(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="On 127.0.0.1; 0 takes a free one.")] = 8490,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 1,
    rate: Annotated[float, typer.Option("--faults", min=0, max=1, help="Share of requests that go wrong.")] = 0.0,
    poison: Annotated[int, typer.Option(min=0, help="Refuse every event whose number in its log this divides.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Most events of a document.")] = 1000,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a document with an event that is known.")] = False,
    token: Annotated[str | None, typer.Option(help="Bearer token that must come.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write what is stored here, one JSON line each.")] = None,
) -> None:
    """Take EPCIS documents until SIGTERM: drops, delays, repeats, fails and forgets as often as it is told."""
    from simulators.clock import Pacer, chance
    from simulators.epcis_capture import Peer, Server

    pacer = Pacer()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: pacer.stop())
    peer = Peer(chance(seed), rate, poison, limit, token, strict, out)
    with closing(Server(peer, port)) as server:
        print(f"EPCIS capture interface at {server.address}", flush=True)
        while pacer.wait(3600):
            pass
    faults = ", ".join(f"{name} {number}" for name, number in sorted(peer.counts.items())) or "no faults"
    print(f"{len(peer.stored)} events stored; {faults}")
