"""`jaego sheet`: the control codes of a store as PDF."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.errors import EXIT_CONFIG, AgentError, ConfigError

if TYPE_CHECKING:
    from agent.config import Config
    from agent.printing.layout import Size
    from agent.printing.pdf import Words
    from agent.printing.sheet import Part, Sheet
    from contract.documents import ExpectedDocument

DEFAULT = Path("/etc/jaego/agent.toml")
ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar="JAEGO_CONFIG", help="Configuration file.")]


class Paper(StrEnum):
    A4 = "a4"
    LABEL = "label"


class Captions(StrEnum):
    KO = "ko"
    EN = "en"
    BOTH = "both"


class Group(StrEnum):
    WORK = "work"
    MODES = "modes"
    QUANTITIES = "quantities"
    ZONES = "zones"
    REASONS = "reasons"
    DOCUMENTS = "documents"


def register(app: typer.Typer) -> None:
    app.command("sheet")(sheet)


def sheet(
    config: ConfigFile = DEFAULT,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PDF to write.")] = Path("control-codes.pdf"),
    size: Annotated[Paper, typer.Option(help="A4 pages, or a label of 100 x 40 mm for each code.")] = Paper.A4,
    language: Annotated[Captions, typer.Option(help="Language of the captions.")] = Captions.BOTH,
    only: Annotated[list[Group] | None, typer.Option(help="This group only; may be given again.")] = None,
) -> None:
    """Print every control code: work, modes, quantities, this store's zones and reasons, documents that are open."""
    from agent.config import load, rules_of
    from agent.printing.sheet import PARTS
    from agent.printing.sheet import sheet as laid_out

    try:
        loaded = load(config)
        parts: list[Part] = [part for part in PARTS if only and part in only]
        found = laid_out(loaded.store.zones, rules_of(loaded).reasons, _documents(loaded), parts)
        write(found, output, size.value, language.value)
    except ConfigError as error:
        print("\n".join((*error.mistakes, f"hint: {error.hint}")), file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(1) from error


def write(found: Sheet, output: Path, size: Size, words: Words) -> None:
    """Draws a sheet into a file that is there whole or not at all, and says what is not on it. For badges too."""
    from agent.printing import pdf

    printed = pdf.draw(found, size, words)
    part = output.with_name(f"{output.name}.part")
    try:
        part.write_bytes(printed.body)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise AgentError(
            f"{output}: {error.strerror}", hint="check the path, its permissions and free space"
        ) from error
    codes = sum(len(group.symbols) for group in found.groups) - len(printed.left_out)
    print(f"{output}: {codes} codes on {printed.pages} pages")
    for name in (*found.left_out, *(one.code for one in printed.left_out)):
        print(f"not printed: {name}\nhint: names of up to 20 letters, digits, - and _ fit everywhere", file=sys.stderr)


def _documents(config: Config) -> list[ExpectedDocument]:
    """What head office expects now; nothing where the store has no ledger yet."""
    from contextlib import closing
    from zoneinfo import ZoneInfo

    from agent.clock import SystemClock
    from agent.ledger.moment import Moments
    from contract.times import Stamper

    folder = config.store.state_dir
    if not (folder / "ledger.db").exists():
        return []
    with closing(Moments(folder, SystemClock(), Stamper(ZoneInfo(config.store.time_zone)))) as moments:
        return moments.look(lambda state: list(state.documents()))
