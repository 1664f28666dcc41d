"""`jaego passages` and `jaego portal`: recordings of a portal's reads, judged and shown."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.errors import EXIT_CONFIG, ConfigError

if TYPE_CHECKING:
    from agent.capture.portal_file import PortalFile, RecordedRead

portal_app = typer.Typer(no_args_is_help=True, help="Portals: what a recording says about antennas and settings.")
PortalPath = Annotated[Path, typer.Option("--portal", help="PORTAL.toml: zones, and the zone of each antenna.")]
Recording = Annotated[Path, typer.Argument(help="Reads: CSV with t, epc, antenna, rssi_dbm; .gz too.")]
BAD_LINES_SHOWN = 10


def passages(recording: Recording, portal: PortalPath) -> None:
    """Tag reads become passages: one JSON object a line, in order of decision."""
    from agent.capture.portal import Engine
    from agent.capture.portal_file import as_line

    with _said():
        engine = Engine(_portal(portal).settings())
        last_s = 0.0
        for read in _reads(recording):
            for one in engine.read(read.t_s, read.epc, read.antenna, read.rssi_dbm):
                print(as_line(one))
            last_s = read.t_s
        for later_s in range(1, 31):
            for one in engine.tick(last_s + later_s):
                print(as_line(one))


@portal_app.callback()
def _portals() -> None:
    """Portals: what a recording says about antennas and settings."""  # makes a group of what is one command so far


@portal_app.command()
def tune(
    portal: Annotated[Path, typer.Argument(help="PORTAL.toml: zones, and the zone of each antenna.")],
    recording: Recording,
    picture: Annotated[
        Path | None, typer.Option("--svg", help="Where the picture goes; beside the recording if not given.")
    ] = None,
) -> None:
    """Per antenna: reads, tags, strength, strays; what to change; and a picture of strength over time per zone."""
    from agent.capture.portal_tune import report, survey, svg

    with _said():
        plan = _portal(portal)
        found = survey(plan.settings(), _reads(recording))
        for line in report(found):
            print(line)
        target = picture or recording.with_name(f"{recording.name.split('.')[0]}.svg")
        target.write_text(svg(found), encoding="utf-8")
        print(f"picture: {target}")


def _portal(path: Path) -> PortalFile:
    from agent.capture.portal_file import load_portal

    return load_portal(path)


def _reads(path: Path) -> Iterator[RecordedRead]:
    """Good reads; the first bad lines and their number go to standard error."""
    from agent.capture.portal_file import BadLine, read_recording

    bad = 0
    for one in read_recording(path):
        if isinstance(one, BadLine):
            bad += 1
            if bad <= BAD_LINES_SHOWN:
                print(f"{path}:{one.line}: {one.reason}", file=sys.stderr)
        else:
            yield one
    if bad:
        print(f"{path}: {bad} lines are no reads and were left out", file=sys.stderr)


@contextmanager
def _said() -> Generator[None]:
    try:
        yield
    except ConfigError as error:
        for line in error.mistakes:
            print(line, file=sys.stderr)
        print("hint: docs/portal.md shows a portal's file", file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error
    except BrokenPipeError:  # whoever read this has seen enough: `| head`; typer ends quietly
        raise
    except (OSError, EOFError) as error:
        print(f"{error}\nhint: check the path and its permissions", file=sys.stderr)
        raise typer.Exit(1) from error
