"""`jaego-sim run SCENARIO.toml`: the scanners of a scenario, with their clerks."""

from __future__ import annotations

import signal
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from pydantic import ValidationError

from simulators import demo as showcase
from simulators import load_cli, play_cli, reader_cli
from simulators.clock import Pacer
from simulators.epcis_cli import epcis
from simulators.portal_cli import portal
from simulators.scenario import Scenario, Tally, Witness, play

EX_CONFIG = 78  # sysexits.h
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(reader_cli.app, name="reader")
app.add_typer(load_cli.app, name="load")
play_cli.register(app)


app.command()(portal)
app.command()(epcis)


@app.callback()
def about() -> None:
    """The other end of every wire: simulated scanners for demos and tests."""


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(help="The scenario file (TOML).")],
    witness: Annotated[
        Path | None, typer.Option(help="Write every acknowledged scan here, one JSON line each.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Instead of the scenario's time.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the scenario's seed.")] = None,
    folder: Annotated[Path, typer.Option(help="Where relative paths of devices begin.")] = Path(),
    quiet: Annotated[bool, typer.Option(help="Only the summary.")] = False,
) -> None:
    """Play a scenario until its time is over, or SIGTERM or SIGINT."""
    plan = load(scenario, seconds, seed)
    pacer = Pacer()

    def stop(_number: int, _frame: FrameType | None) -> None:
        pacer.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with ExitStack() as stack:
        seen = stack.enter_context(Witness(witness)) if witness is not None else None
        tallies = play(plan, folder, pacer, seen, tell=_silent if quiet else _say)
    for line in summary(plan, tallies):
        _say(line)


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="End by itself after so long; else at Ctrl-C.")] = None,
    config: Annotated[Path, typer.Option(help="The store's configuration.")] = Path("config/demo.toml"),
    scenario: Annotated[Path, typer.Option(help="What the clerks do.")] = Path("config/demo-scenario.toml"),
    catalogue: Annotated[Path, typer.Option(help="Head office's items.")] = Path("config/demo-catalogue.csv"),
    door: Annotated[Path, typer.Option(help="What the reader at the dock door sees.")] = Path("config/demo-door.csv"),
    folder: Annotated[Path, typer.Option(help="Emptied first; everything the demo writes is in it.")] = Path(".demo"),
) -> None:
    """A store, a broker and a head office on this machine; exit 1 if head office differs from the store."""
    pacer = Pacer()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: pacer.stop())
    try:
        code = showcase.run(showcase.Plan(config, scenario, catalogue, folder, seconds, door), pacer, _say)
    except (showcase.DemoError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    raise typer.Exit(code)


def load(path: Path, seconds: float | None, seed: int | None) -> Scenario:
    """The scenario of a file. Every mistake is printed, and the exit status is 78."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        raw |= {name: value for name, value in (("seconds", seconds), ("seed", seed)) if value is not None}
        return Scenario.model_validate(raw)
    except ValidationError as error:
        for mistake in error.errors():
            where = ".".join(map(str, mistake["loc"]))
            print(f"{path}: {where or 'scenario'}: {mistake['msg']}, found {mistake['input']!r}", file=sys.stderr)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
    raise SystemExit(EX_CONFIG)


def summary(scenario: Scenario, tallies: dict[str, Tally]) -> list[str]:
    lines = [f"{scenario.name}: seed {scenario.seed}"]
    for name, tally in tallies.items():
        answers = ", ".join(f"{count} {answer}" for answer, count in sorted(tally.answers.items()))
        troubles = ", ".join(f"{count} {trouble}" for trouble, count in sorted(tally.troubles.items()))
        p50, p99 = tally.latency_ms(0.5), tally.latency_ms(0.99)
        latency = f"; answered in {p50:.1f} ms (p50), {p99:.1f} ms (p99)" if p50 is not None and p99 is not None else ""
        lines.append(
            f"  {name:<12} {tally.scans} scans, {tally.acknowledged} acknowledged ({answers or 'none'}), "
            f"{tally.unacknowledged} without answer, {tally.resent} resent{latency}"
            + (f"; faults: {troubles}" if troubles else "")
        )
    return lines


def _say(line: str) -> None:
    print(line, flush=True)


def _silent(_line: str) -> None:
    pass


def main() -> None:
    app()


if __name__ == "__main__":
    main()
