"""`jaego-sim reader impinj` and `jaego-sim reader zebra`: readers that publish JSON, for hands and for demos."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from simulators.clock import Pacer
from simulators.reader_json import Dialect, HttpSink, JsonReader, MqttSink, Sink
from simulators.tags import RateSource, sgtin_tags

Tags = Annotated[int, typer.Option(min=1, max=100_000, help="How many different tags.")]
Rate = Annotated[float, typer.Option(min=0.01, max=5_000, help="Reads a second.")]
Seconds = Annotated[float | None, typer.Option(help="End by itself after so long; else at Ctrl-C.")]
Seed = Annotated[int, typer.Option(help="Makes tags and signal strengths.")]
FaultEvery = Annotated[int, typer.Option(min=0, help="After so many reads a fault: gap, garbage, huge, restart, drop.")]
Broker = Annotated[str, typer.Option(help="The store's broker as host:port.")]
Topic = Annotated[str, typer.Option(help="Where to publish.")]
Username = Annotated[str | None, typer.Option(help="Account at the broker.")]
Password = Annotated[str | None, typer.Option(envvar="JAEGO_SIM_PASSWORD", help="Its password.")]


def register(app: typer.Typer) -> None:
    app.command()(impinj)
    app.command()(zebra)


def impinj(
    http_port: Annotated[int, typer.Option(help="Serve the stream on this port of 127.0.0.1; 0: publish.")] = 0,
    broker: Broker = "127.0.0.1:1883",
    topic: Topic = "impinj/gate",
    username: Username = None,
    password: Password = None,
    tags: Tags = 50,
    rate: Rate = 20,
    seconds: Seconds = None,
    seed: Seed = 1,
    fault_every: FaultEvery = 0,
) -> None:
    """An Impinj reader with its IoT device interface. On its stream the account is root with password impinj."""
    sink: Sink = HttpSink(http_port) if http_port else _published(broker, topic, username, password)
    _run(JsonReader(Dialect.IMPINJ, sink), RateSource(sgtin_tags(tags, seed), rate, seed=seed), seconds, fault_every)


def zebra(
    broker: Broker = "127.0.0.1:1883",
    topic: Topic = "zebra/gate",
    username: Username = None,
    password: Password = None,
    tags: Tags = 50,
    rate: Rate = 20,
    seconds: Seconds = None,
    seed: Seed = 1,
    fault_every: FaultEvery = 0,
) -> None:
    """A Zebra reader with its IoT Connector, and a heartbeat every 5 s."""
    reader = JsonReader(Dialect.ZEBRA, _published(broker, topic, username, password))
    _run(reader, RateSource(sgtin_tags(tags, seed), rate, seed=seed), seconds, fault_every)


def _published(broker: str, topic: str, username: str | None, password: str | None) -> MqttSink:
    host, _, port = broker.partition(":")
    try:
        return MqttSink(host, int(port or 1883), topic, username=username, password=password)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{broker}: {error}") from error


def _run(reader: JsonReader, source: RateSource, seconds: float | None, fault_every: int) -> None:
    pacer = Pacer()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: pacer.stop())
    if seconds is not None:
        signal.signal(signal.SIGALRM, lambda _number, _frame: pacer.stop())
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        sent = reader.run(source, pacer, heartbeat_s=5, fault_every=fault_every)
    finally:
        reader.sink.close()
    print(f"{sent} tags seen")
