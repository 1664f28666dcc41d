"""`jaego-sim reader llrp`: an LLRP reader on a port."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer

from simulators.clock import monotonic_us, wall_us
from simulators.reader_faults import Script, happenings, load, parse
from simulators.reader_llrp import LlrpReader, Setup
from simulators.reader_profiles import PROFILES, REGIONS, Profile
from simulators.reader_server import ReaderServer
from simulators.recordings import rows
from simulators.tags import RateSource, RowSource, Source, sgtin_tags

EX_CONFIG = 78  # sysexits.h
Clock = Literal["utc", "uptime", "year2000"]


def register(app: typer.Typer) -> None:
    app.command()(llrp)


def llrp(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 5084,
    profile: Annotated[str, typer.Option(help=f"What it says that it is: {', '.join(PROFILES)}.")] = "r420",
    region: Annotated[str, typer.Option(help=f"Its region: {', '.join(REGIONS)}.")] = "",
    tags: Annotated[int, typer.Option(min=0, max=100_000, help="How many different tags.")] = 50,
    rate: Annotated[float, typer.Option(min=0.01, max=100_000, help="Reads a second.")] = 20,
    seed: Annotated[int, typer.Option(help="Makes tags, signal strengths and the faults' details.")] = 1,
    recording: Annotated[Path | None, typer.Option(help="Tag reads instead, as CSV or JSON Lines, also .gz.")] = None,
    scene: Annotated[Path | None, typer.Option(help="The reads of a portal scene instead, in the same form.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="How fast these go.")] = 1.0,
    fault: Annotated[list[str] | None, typer.Option(help="As in reset@2:every_s=1,times=50.")] = None,
    gpi: Annotated[list[str] | None, typer.Option(help="An input's level from a time on: 1=high@2.5.")] = None,
    script: Annotated[Path | None, typer.Option(help="Faults and inputs in a TOML file.")] = None,
    clock: Annotated[str, typer.Option(help="utc, uptime or year2000.")] = "utc",
    clock_offset_s: Annotated[float, typer.Option(help="The clock goes wrong by so much.")] = 0.0,
    version_max: Annotated[int, typer.Option(min=1, max=2, help="1: LLRP 1.0.1 alone, 2: 1.1 too.")] = 1,
    each: Annotated[bool, typer.Option(help="A report entry for every read, none gathered.")] = False,
    silent_sessions: Annotated[bool, typer.Option(help="In S2 and S3 a tag is read once.")] = False,
    hold: Annotated[int, typer.Option(min=0, help="Report entries that are held at most.")] = 50_000,
    truth: Annotated[
        Path | None, typer.Option(help="Write every entry here that was sent: EPC antenna count us.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Speak TLS with this certificate and key (PEM).")] = None,
) -> None:
    """An LLRP reader until SIGTERM or SIGINT; prints its address when it listens."""
    with mistakes("reader llrp"):
        made = _profile(profile, region)
        setup = Setup(
            made, _version(version_max), _clock(clock), int(clock_offset_s * 1e6), each, hold, silent_sessions
        )
        source = _source(recording or scene, speed, tags, rate, seed, made)
        plan = parse(fault or (), gpi or ()).joined(Script() if script is None else load(script))
        tls = _context(tls_cert)
    reader = LlrpReader(source, setup, now_us=monotonic_us(), wall_us=wall_us())
    with ExitStack() as stack:
        told = stack.enter_context(truth.open("w", encoding="utf-8")) if truth is not None else None
        asyncio.run(serve(ReaderServer(reader, host, port, tls=tls, script=happenings(plan), truth=told, seed=seed)))


async def serve(server: ReaderServer) -> None:
    """Until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with server:
        print(f"{server.host}:{server.port}", flush=True)
        watching, waiting = asyncio.ensure_future(server.watch()), asyncio.ensure_future(ended.wait())
        await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if watching.done():
            watching.result()
        watching.cancel()
    told, held, lost = server.told_sightings, server.reader.held_sightings, server.reader.lost_sightings
    print(f"{told} sightings told, {held} held, {lost} lost", flush=True)


@contextmanager
def mistakes(who: str) -> Generator[None]:
    """Of the person who typed: one line, exit status 78."""
    try:
        yield
    except (OSError, ValueError) as error:
        print(f"{who}: {error}", file=sys.stderr)
        raise typer.Exit(EX_CONFIG) from error


def _profile(name: str, region: str) -> Profile:
    if name not in PROFILES or region not in {"", *REGIONS}:
        raise ValueError(f"profiles are {', '.join(PROFILES)}, regions {', '.join(REGIONS)}")
    return PROFILES[name].within(region) if region else PROFILES[name]


def _version(most: int) -> Literal[1, 2]:
    return 2 if most == 2 else 1


def _clock(name: str) -> Clock:
    if name not in get_args(Clock):
        raise ValueError(f"clocks are {', '.join(get_args(Clock))}")
    return cast("Clock", name)


def _source(path: Path | None, speed: float, tags: int, rate: float, seed: int, made: Profile) -> Source:
    if path is not None:
        return RowSource(rows(path), speed=speed)
    antennas = range(1, made.antennas + 1)
    channels = made.region.channels_khz
    return RateSource(sgtin_tags(tags, seed), rate, seed=seed, antennas=antennas, frequencies_khz=channels)


def _context(path: Path | None) -> ssl.SSLContext | None:
    if path is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
