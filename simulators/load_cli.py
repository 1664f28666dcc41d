"""`jaego-sim load`: a thousand stores for head office to take in. First written to files, then played: making events
must not take the core of those that are measured."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from simulators import load_log
from simulators.clock import Pacer, wall_us
from simulators.load import LoadError, Player, Report, Setup, read_logs
from simulators.load_day import Mix

app = typer.Typer(no_args_is_help=True, help=__doc__)
Folder = Annotated[Path, typer.Argument(help="Folder of the logs, one JSON Lines file a store.")]


@app.command()
def prepare(
    folder: Folder,
    stores: Annotated[int, typer.Option(min=1, max=10_000, help="How many stores.")] = 1000,
    events: Annotated[int, typer.Option(min=0, max=1_000_000, help="Events of each, after its opening.")] = 200,
    skus: Annotated[int, typer.Option(min=1, max=200_000, help="Items of each, in its opening.")] = 200,
    mix: Annotated[Mix, typer.Option(help="day: movements, journal, exceptions, documents, counts.")] = Mix.DAY,
    seed: Annotated[int, typer.Option(help="Of chance, and of the stores' keys.")] = 1,
    prefix: Annotated[str, typer.Option(help="The stores' names begin with it.")] = "S",
    hours: Annotated[
        float, typer.Option(min=0, max=24 * 365, help="The events are spread over so long, up to now.")
    ] = 8,
) -> None:
    """Write the logs of stores: a signed opening each, then sealed events of a day."""
    plan = load_log.Plan(stores, skus, mix, seed, prefix)
    total = load_log.prepare(folder, plan, events, wall_us(), round(hours * 3_600_000_000))
    print(f"{total} events of {stores} stores in {folder}")


@app.command()
def play(
    folder: Folder,
    broker: Annotated[str, typer.Option(help="HOST:PORT of the broker.")] = "127.0.0.1:1883",
    rate: Annotated[float, typer.Option(min=0, help="Events per second over all stores; 0: all at once.")] = 0,
    seconds: Annotated[float | None, typer.Option(help="After so long no more events come into being.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=100, help="Events a message, as far as they are of one type.")] = 100,
    connections: Annotated[int, typer.Option(min=1, max=1000, help="The stores are divided among them.")] = 8,
    consumer: Annotated[str, typer.Option(help="Whose acknowledgements count.")] = "headoffice",
    prefix: Annotated[str, typer.Option(help="Prefix of the topics.")] = "stock/v1",
    levels: Annotated[bool, typer.Option(help="Publish retained levels too.")] = False,
    until: Annotated[int | None, typer.Option(min=1, help="Of each store only the events up to this number.")] = None,
    times: Annotated[
        Path | None, typer.Option(help="CSV: store, event, when it existed, when acknowledged (us).")
    ] = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds without an acknowledgement that end the run.")] = 60,
) -> None:
    """Play the logs until head office has acknowledged all that came into being: exit 1 if it has not."""
    pacer = Pacer()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: pacer.stop())
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit():
        raise typer.BadParameter("HOST:PORT", param_hint="--broker")
    setup = Setup(host, int(port), rate, seconds, patience, connections, consumer, prefix, levels, until)
    try:
        player = Player(setup, read_logs(folder, batch), pacer, _tell)
        if times is None:
            report = player.run()
        else:
            with times.open("w", encoding="utf-8") as file:
                report = player.run(file)
    except (LoadError, OSError) as error:
        print(f"load: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(said(report))
    raise typer.Exit(0 if report.acked >= report.released else 1)


def said(report: Report) -> str:
    waited = sorted(report.waited_s)
    text = (
        f"{report.stores} stores, {report.released} events, {report.acked} acknowledged in {report.seconds:.1f} s: "
        f"{report.acked / max(report.seconds, 0.001):,.0f} events/s; {report.resends} resends, {report.replays} replays"
    )
    if waited:
        p50, p99 = (waited[int(share * (len(waited) - 1))] * 1000 for share in (0.5, 0.99))
        text += f"; acknowledged after {p50:.1f} ms (p50), {p99:.1f} ms (p99)"
    return text


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
