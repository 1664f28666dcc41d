"""`jaego-sim portal SCENE --seed N -o DIR`: reads of a simulated door, and the truth beside them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

EX_CONFIG = 78  # sysexits.h


def portal(
    scene: Annotated[str, typer.Argument(help="A scene's name, or a file (TOML); `list` shows the names.")],
    seed: Annotated[int, typer.Option(help="One seed gives one recording.")] = 1,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for reads, truth and PORTAL.toml.")] = Path(),
) -> None:
    """Simulate a portal: reads.csv, truth.jsonl and portal.toml. Needs numpy (the extra `sim`)."""
    from simulators.portal_scene import builtin, load

    known = builtin()
    if scene == "list":
        for name, path in known.items():
            print(f"{name:14} {load(path).about}")
        return
    path = known.get(scene, Path(scene))
    try:
        plan = load(path)
    except ValidationError as error:
        for mistake in error.errors():
            print(f"{path}: {'.'.join(map(str, mistake['loc']))}: {mistake['msg']}", file=sys.stderr)
        raise typer.Exit(EX_CONFIG) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        print(f"{path}: {error}\nhint: `jaego-sim portal list` shows the scenes that come with it", file=sys.stderr)
        raise typer.Exit(EX_CONFIG) from error
    try:
        from simulators.portal import record, write
    except ModuleNotFoundError as error:
        print(f"{error}\nhint: pip install 'jaego[sim]'", file=sys.stderr)
        raise typer.Exit(1) from error
    recording = record(plan, seed)
    try:
        output.mkdir(parents=True, exist_ok=True)
        write(recording, output)
    except OSError as error:
        print(f"{output}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from error
    crossings = sum("t_cross_s" in line for line in recording.truth)
    print(f"{plan.name}, seed {seed}: {len(recording.reads)} reads, {crossings} crossings of tags, in {output}")
